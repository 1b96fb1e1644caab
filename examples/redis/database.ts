/**
 * What the server keeps: values under keys, some of them for a limited time.
 */

/** A string, a list, a set, or a hash. */
export type Value = string | Array<string> | Set<string> | Map<string, string>

export const isString = (value: Value): value is string => typeof value === "string"
export const isList = (value: Value): value is Array<string> => Array.isArray(value)
export const isSet = (value: Value): value is Set<string> => value instanceof Set
export const isHash = (value: Value): value is Map<string, string> => value instanceof Map

interface Entry {
  value: Value
  /** In milliseconds since 1970; `undefined`: it stays. */
  expiresAt: number | undefined
}

const isEmpty = (value: Value): boolean => {
  if (isString(value)) return false
  return isList(value) ? value.length === 0 : value.size === 0
}

export class Database {
  private readonly entries = new Map<string, Entry>()
  /** In milliseconds since 1970: the server sets it before it runs commands. */
  now = 0

  /** What has expired is dropped when somebody looks at it. */
  private find(key: string): Entry | undefined {
    const entry = this.entries.get(key)
    if (entry?.expiresAt === undefined || entry.expiresAt > this.now) return entry
    this.entries.delete(key)
    return undefined
  }

  get(key: string): Value | undefined {
    return this.find(key)?.value
  }

  /** Replaces what is there, and for how long. */
  set(key: string, value: Value, expiresAt?: number): void {
    this.entries.set(key, { value, expiresAt })
  }

  /** Keeps for how long. A collection without anything in it is none. */
  update(key: string, value: Value): void {
    const entry = this.find(key)
    if (isEmpty(value)) this.entries.delete(key)
    else if (entry === undefined) this.set(key, value)
    else entry.value = value
  }

  delete(key: string): boolean {
    return this.find(key) !== undefined && this.entries.delete(key)
  }

  /** When it expires; `undefined` if it does not. */
  expiryOf(key: string): number | undefined {
    return this.find(key)?.expiresAt
  }

  /** False if there is nothing under the key. What is over already is dropped. */
  expire(key: string, at: number | undefined): boolean {
    const entry = this.find(key)
    if (entry === undefined) return false
    entry.expiresAt = at
    this.find(key)
    return true
  }

  get keys(): ReadonlyArray<string> {
    return [...this.entries.keys()].filter((key) => this.find(key) !== undefined)
  }

  clear(): void {
    this.entries.clear()
  }
}
