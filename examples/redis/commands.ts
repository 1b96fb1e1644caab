/**
 * The commands: for each its arity, as Redis counts (the name included; negative: at least), and what it does.
 */
import { type Database, isHash, isList, isSet, isString, type Value } from "./database.js"
import {
  array,
  bulk,
  bulks,
  error,
  integer,
  noArray,
  none,
  ok,
  parseInteger,
  type Reply,
  type Request,
  status
} from "./resp.js"

type Arguments = ReadonlyArray<string>
type Run = (args: Arguments, database: Database) => Reply

const wrongType = error("WRONGTYPE Operation against a key holding the wrong kind of value")
const noInteger = error("ERR value is not an integer or out of range")
const syntaxError = error("ERR syntax error")
const overflow = error("ERR increment or decrement would overflow")

const flag = (is: boolean): Reply => integer(is ? 1 : 0)
const count = <A>(items: ReadonlyArray<A>, is: (item: A) => boolean): Reply =>
  integer(items.filter(is).length)

/** For a command on one key: runs it with the value there, if it is of the kind that it is for. */
const on =
  <V extends Value>(
    isKind: (value: Value) => value is V,
    run: (value: V | undefined, key: string, args: Arguments, database: Database) => Reply
  ): Run =>
  ([key = "", ...args], database) => {
    const value = database.get(key)
    return value !== undefined && !isKind(value) ? wrongType : run(value, key, args, database)
  }

const isSafe = (value: bigint): boolean =>
  value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER

/** A point in time from now on, or why there is none. */
const later = (amount: string, unit: number, command: string, { now }: Database): number | Reply => {
  const value = parseInteger(amount)
  if (value === undefined) return noInteger
  const at = value * BigInt(unit) + BigInt(Math.trunc(now))
  return isSafe(at) ? Number(at) : error(`ERR invalid expire time in '${command}' command`)
}

/** `SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | KEEPTTL]` */
const set: Run = ([key = "", value = "", ...options], database) => {
  const given = new Set<string>()
  let expiry: number | Reply | undefined
  for (let index = 0; index < options.length; index++) {
    const option = options[index]?.toUpperCase() ?? ""
    const amount = options[index + 1]
    given.add(option)
    if (option === "EX" || option === "PX") {
      if (amount === undefined || expiry !== undefined || given.has("KEEPTTL")) return syntaxError
      expiry = later(amount, option === "EX" ? 1000 : 1, "set", database)
      if (typeof expiry === "number" && expiry <= database.now) {
        expiry = error("ERR invalid expire time in 'set' command")
      }
      index += 1
    } else if (!/^(NX|XX|GET|KEEPTTL)$/.test(option)) return syntaxError
  }
  if (given.has("NX") && given.has("XX")) return syntaxError
  if (given.has("KEEPTTL") && expiry !== undefined) return syntaxError
  if (typeof expiry === "string") return expiry
  const before = database.get(key)
  if (given.has("GET") && before !== undefined && !isString(before)) return wrongType
  const isRefused = given.has(before === undefined ? "XX" : "NX")
  const kept = given.has("KEEPTTL") ? database.expiryOf(key) : expiry
  if (!isRefused) database.set(key, value, kept)
  if (given.has("GET")) return bulk(before === undefined || !isString(before) ? undefined : before)
  return isRefused ? none : ok
}

const add = (value: bigint, amount: bigint): bigint | undefined => {
  const sum = value + amount
  return BigInt.asIntN(64, sum) === sum ? sum : undefined
}

const increment =
  (amountOf: (args: Arguments) => bigint | undefined): Run =>
  (args, database) => {
    const amount = amountOf(args.slice(1))
    if (amount === undefined) return noInteger
    return on(isString, (text = "0", key) => {
      const value = parseInteger(text)
      if (value === undefined) return noInteger
      const sum = add(value, amount)
      if (sum === undefined) return overflow
      database.update(key, String(sum))
      return integer(sum)
    })(args, database)
  }

const amount = ([text = ""]: Arguments): bigint | undefined => parseInteger(text)
const LEAST_INTEGER = -(2n ** 63n)

const decrementBy: Run = (args, database) => {
  const by = amount(args.slice(1))
  if (by === LEAST_INTEGER) return error("ERR decrement would overflow")
  return increment(() => (by === undefined ? undefined : -by))(args, database)
}

const expire =
  (command: string, unit: number): Run =>
  ([key = "", time = ""], database) => {
    const at = later(time, unit, command, database)
    return typeof at === "string" ? at : flag(database.expire(key, at))
  }

const timeToLive =
  (inUnits: (milliseconds: number) => number): Run =>
  ([key = ""], database) => {
    if (database.get(key) === undefined) return integer(-2)
    const at = database.expiryOf(key)
    return integer(at === undefined ? -1 : inUnits(at - database.now))
  }

const persist: Run = ([key = ""], database) => {
  if (database.expiryOf(key) === undefined) return flag(false)
  return flag(database.expire(key, undefined))
}

/** Lists are arrays: what happens at their heads takes longer the longer they are. */
const push = (insert: (list: Array<string>, item: string) => void): Run =>
  on(isList, (list = [], key, items, database) => {
    for (const item of items) insert(list, item)
    database.update(key, list)
    return integer(list.length)
  })

/** `LPOP key [count]` */
const pop =
  (remove: (list: Array<string>, most: number) => Array<string>): Run =>
  (args, database) => {
    const [, countText, ...more] = args
    const most = countText === undefined ? 1n : parseInteger(countText)
    if (more.length > 0) return syntaxError
    if (most === undefined || most < 0) return error("ERR value is out of range, must be positive")
    return on(isList, (list, key) => {
      if (list === undefined) return countText === undefined ? none : noArray
      const items = remove(list, Number(most))
      database.update(key, list)
      return countText === undefined ? bulk(items[0]) : bulks(items)
    })(args, database)
  }

const range: Run = (args, database) => {
  const [from, to] = [parseInteger(args[1] ?? ""), parseInteger(args[2] ?? "")]
  if (from === undefined || to === undefined) return noInteger
  return on(isList, (list = []) => {
    const at = (bound: bigint) => Number(bound) + (bound < 0 ? list.length : 0)
    return bulks(list.slice(Math.max(0, at(from)), Math.max(0, at(to) + 1)))
  })(args, database)
}

const addToSet = on(isSet, (members = new Set(), key, items, database) => {
  const before = members.size
  for (const item of items) members.add(item)
  database.update(key, members)
  return integer(members.size - before)
})

const removeFrom = (
  value: { readonly delete: (item: string) => boolean } & (Set<string> | Map<string, string>),
  key: string,
  items: Arguments,
  database: Database
): Reply => {
  const removed = items.filter((item) => value.delete(item)).length
  database.update(key, value)
  return integer(removed)
}

const wrongArity = (name: string): Reply => error(`ERR wrong number of arguments for '${name}' command`)

/** The arguments two by two. */
const pairs = (items: Arguments): ReadonlyArray<readonly [string, string]> =>
  items.flatMap((item, index) => (index % 2 === 0 ? [[item, items[index + 1] ?? ""] as const] : []))

const setFields = on(isHash, (hash = new Map<string, string>(), key, items, database) => {
  if (items.length % 2 !== 0) return wrongArity("hset")
  const before = hash.size
  for (const [field, value] of pairs(items)) hash.set(field, value)
  database.update(key, hash)
  return integer(hash.size - before)
})

const incrementField: Run = (args, database) => {
  const amount = parseInteger(args[2] ?? "")
  if (amount === undefined) return noInteger
  return on(isHash, (hash = new Map<string, string>(), key, [field = ""]) => {
    const value = parseInteger(hash.get(field) ?? "0")
    if (value === undefined) return error("ERR hash value is not an integer")
    const sum = add(value, amount)
    if (sum === undefined) return overflow
    database.update(key, hash.set(field, String(sum)))
    return integer(sum)
  })(args, database)
}

/** A pattern of `KEYS`: `*`, `?`, `[a-z]`, `[^a]`, and `\` before what stands for itself. */
const glob = (pattern: string): RegExp => {
  const parts = pattern.match(/\\[\s\S]|\[\^?(?:\\[\s\S]|[^\]\\])*\]|[\s\S]/g) ?? []
  const translated = parts.map((part) => {
    if (part === "*") return "[\\s\\S]*"
    if (part === "?") return "[\\s\\S]"
    if (part.length > 2)
      return part.replace(/^\[\^?|\]$|[[&~|]/g, (c, at: number) => (at === 0 || c === "]" ? c : `\\${c}`))
    return part.slice(-1).replace(/[\^$\\.*+?()[\]{}|/-]/, "\\$&")
  })
  try {
    return new RegExp(`^${translated.join("")}$`)
  } catch {
    return /^(?!)/
  }
}

const typeOf = (value: Value | undefined): string => {
  if (value === undefined) return "none"
  if (isString(value)) return "string"
  if (isList(value)) return "list"
  return isSet(value) ? "set" : "hash"
}

const mset: Run = (args, database) => {
  if (args.length % 2 !== 0) return wrongArity("mset")
  for (const [key, value] of pairs(args)) database.set(key, value)
  return ok
}

const append = on(isString, (text = "", key, [more = ""], database) => {
  database.update(key, text + more)
  return integer(text.length + more.length)
})

const getAndDelete = on(isString, (text, key, _args, database) => {
  database.delete(key)
  return bulk(text)
})

const deleteAll: Run = (keys, database) => count(keys, (key) => database.delete(key))

const flush: Run = ([option = "SYNC"], database) => {
  if (!/^a?sync$/i.test(option)) return syntaxError
  database.clear()
  return ok
}

const select: Run = ([index = ""]) => {
  const number = parseInteger(index)
  if (number === undefined) return noInteger
  return number === 0n ? ok : error("ERR DB index is out of range")
}

const command = (arity: number, run: Run) => ({ arity, run })

const commands: Readonly<Record<string, ReturnType<typeof command>>> = {
  PING: command(-1, ([text, ...more]) => {
    if (more.length > 0) return wrongArity("ping")
    return text === undefined ? status("PONG") : bulk(text)
  }),
  ECHO: command(2, ([text]) => bulk(text)),
  QUIT: command(-1, () => ok),

  SET: command(-3, set),
  GET: command(
    2,
    on(isString, (text) => bulk(text))
  ),
  GETDEL: command(2, getAndDelete),
  MGET: command(-2, (keys, database) =>
    bulks(
      keys.map((key) => {
        const value = database.get(key)
        return value !== undefined && isString(value) ? value : undefined
      })
    )
  ),
  MSET: command(-3, mset),
  APPEND: command(3, append),
  STRLEN: command(
    2,
    on(isString, (text = "") => integer(text.length))
  ),
  INCR: command(
    2,
    increment(() => 1n)
  ),
  DECR: command(
    2,
    increment(() => -1n)
  ),
  INCRBY: command(3, increment(amount)),
  DECRBY: command(3, decrementBy),

  DEL: command(-2, deleteAll),
  UNLINK: command(-2, deleteAll),
  EXISTS: command(-2, (keys, database) => count(keys, (key) => database.get(key) !== undefined)),
  TYPE: command(2, ([key = ""], database) => status(typeOf(database.get(key)))),
  KEYS: command(2, ([pattern = ""], { keys }) => {
    const matching = glob(pattern)
    return bulks(keys.filter((key) => matching.test(key)))
  }),
  DBSIZE: command(1, (_args, { keys }) => integer(keys.length)),
  FLUSHALL: command(-1, flush),
  FLUSHDB: command(-1, flush),
  EXPIRE: command(3, expire("expire", 1000)),
  PEXPIRE: command(3, expire("pexpire", 1)),
  TTL: command(
    2,
    timeToLive((milliseconds) => Math.floor((milliseconds + 500) / 1000))
  ),
  PTTL: command(
    2,
    timeToLive((milliseconds) => Math.ceil(milliseconds))
  ),
  PERSIST: command(2, persist),

  LPUSH: command(
    -3,
    push((list, item) => list.unshift(item))
  ),
  RPUSH: command(
    -3,
    push((list, item) => list.push(item))
  ),
  LPOP: command(
    -2,
    pop((list, most) => list.splice(0, most))
  ),
  RPOP: command(
    -2,
    pop((list, most) => list.splice(Math.max(0, list.length - most)).reverse())
  ),
  LLEN: command(
    2,
    on(isList, (list = []) => integer(list.length))
  ),
  LRANGE: command(4, range),

  SADD: command(-3, addToSet),
  SREM: command(
    -3,
    on(isSet, (members = new Set(), ...rest) => removeFrom(members, ...rest))
  ),
  SMEMBERS: command(
    2,
    on(isSet, (members = new Set()) => bulks(members))
  ),
  SISMEMBER: command(
    3,
    on(isSet, (members, _key, [item = ""]) => flag(members?.has(item) ?? false))
  ),
  SCARD: command(
    2,
    on(isSet, (members) => integer(members?.size ?? 0))
  ),

  HSET: command(-4, setFields),
  HGET: command(
    3,
    on(isHash, (hash, _key, [field = ""]) => bulk(hash?.get(field)))
  ),
  HDEL: command(
    -3,
    on(isHash, (hash = new Map(), ...rest) => removeFrom(hash, ...rest))
  ),
  HGETALL: command(
    2,
    on(isHash, (hash = new Map()) => bulks([...hash].flat()))
  ),
  HLEN: command(
    2,
    on(isHash, (hash) => integer(hash?.size ?? 0))
  ),
  HEXISTS: command(
    3,
    on(isHash, (hash, _key, [field = ""]) => flag(hash?.has(field) ?? false))
  ),
  HINCRBY: command(4, incrementField),

  // What clients ask for when they connect.
  SELECT: command(2, select),
  COMMAND: command(-1, () => array([])),
  CLIENT: command(-2, ([what = ""]) => (/^id$/i.test(what) ? integer(1) : ok)),
  CONFIG: command(-2, ([what = "", name = ""]) =>
    /^get$/i.test(what) ? bulks([name, ""]) : error("ERR there is nothing to configure")
  ),
  INFO: command(-1, () => bulk("# Server\r\nredis_version:7.0.0\r\nredis_mode:standalone\r\nloading:0\r\n"))
}

/** Runs a command, whatever it is. */
export const execute = ([name = "", ...args]: Request, database: Database): Reply => {
  const upper = name.toUpperCase()
  const found = Object.hasOwn(commands, upper) ? commands[upper] : undefined
  if (found === undefined) {
    const beginning = args.map((arg) => `'${arg.slice(0, 128)}' `).join("")
    return error(`ERR unknown command '${name.slice(0, 128)}', with args beginning with: ${beginning}`)
  }
  const length = args.length + 1
  const fits = found.arity < 0 ? length >= -found.arity : length === found.arity
  return fits ? found.run(args, database) : wrongArity(name.toLowerCase())
}
