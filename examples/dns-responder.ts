/**
 * A responder of the domain name system over UDP: it answers for the names of a table, and for nothing else.
 *
 *     node build/examples/dns-responder.js 5353     on 127.0.0.1, until Ctrl-C; try `dig @127.0.0.1 -p 5353 www.example.test`
 *
 * Without a port it answers a client of its own, and ends. The messages are in `dns/message.ts`; here is what this library
 * has to do with it: whatever comes, from whomever, one socket hears on.
 */
import { Console, Effect, type Scope } from "effect"
import { Address, Net, Udp } from "effect-iocp"
import {
  addressData,
  classes,
  codes,
  dataText,
  decodeQuery,
  decodeResponse,
  encodeFormErr,
  encodeQuery,
  encodeResponse,
  type Query,
  type ResourceRecord,
  textData,
  types
} from "./dns/message.js"
import { runIfStarted } from "./support/runMain.js"

const TTL_SECONDS = 60

interface Entry {
  readonly A?: ReadonlyArray<string>
  readonly AAAA?: ReadonlyArray<string>
  readonly TXT?: ReadonlyArray<string>
}

/** Names, in lower case, and what there is of each. */
export type Table = Readonly<Record<string, Entry>>

export const table: Table = {
  "www.example.test": { A: ["192.0.2.1", "192.0.2.2"], AAAA: ["2001:db8::1"] },
  "mail.example.test": { A: ["192.0.2.25"] },
  "about.example.test": { TXT: ["answered by a completion port", "überall"] },
  "large.example.test": { TXT: Array.from({ length: 8 }, (_, index) => `${index}`.repeat(200)) }
}

const recordsOf = (
  name: string,
  { A = [], AAAA = [], TXT = [] }: Entry,
  wanted: number
): ReadonlyArray<ResourceRecord> =>
  [
    ...A.map((text) => ({ type: types.A, data: addressData(text) })),
    ...AAAA.map((text) => ({ type: types.AAAA, data: addressData(text) })),
    ...TXT.map((text) => ({ type: types.TXT, data: textData(text) }))
  ]
    .filter(({ type }) => wanted === types.ANY || wanted === type)
    .map((record) => ({ ...record, name, ttlSeconds: TTL_SECONDS }))

const respond = (names: Table, query: Query): Uint8Array => {
  const { name, type, class: class_ } = query.question
  if (query.edns !== undefined && query.edns.version > 0) return encodeResponse(query, codes.BadVers, [])
  if (query.opcode !== 0) return encodeResponse(query, codes.NotImp, [])
  if (class_ !== classes.IN && class_ !== classes.ANY) return encodeResponse(query, codes.Refused, [])
  const entry = Object.hasOwn(names, name) ? names[name] : undefined
  if (entry === undefined) return encodeResponse(query, codes.NxDomain, [])
  return encodeResponse(query, codes.NoError, recordsOf(name, entry, type))
}

/** The answer to a datagram, if it is to have one. */
export const answerTo = (names: Table, datagram: Uint8Array): Uint8Array | undefined => {
  const query = decodeQuery(datagram)
  if (query === undefined) return undefined
  return "malformed" in query ? encodeFormErr(query.malformed) : respond(names, query)
}

/** Answers for ever. An answer that cannot be sent is its client's loss, and nobody else's. */
export const respondOn = (socket: Udp.UdpSocket, names: Table) =>
  Effect.gen(function* () {
    for (;;) {
      const { address, bytes } = yield* socket.receive
      const answer = answerTo(names, bytes)
      if (answer !== undefined) yield* Effect.ignore(socket.send(answer, address))
    }
  })

const listen = (port: number) =>
  Effect.tap(Udp.bind({ host: "127.0.0.1", port }), ({ address }) =>
    Console.log(`listening on ${Address.format(address)}`)
  )

const serve = (port: number) => Effect.flatMap(listen(port), (socket) => respondOn(socket, table))

const codeNames = new Map<number, string>(Object.entries(codes).map(([name, code]) => [code, name]))

/** Asks, and answers in words. UDP may lose a datagram: then it is asked again. */
const ask = (server: Udp.ConnectedUdpSocket, id: number, datagram: Uint8Array) =>
  Effect.gen(function* () {
    yield* server.send(datagram)
    const { bytes } = yield* server.receiveWith({ timeout: "1 second" })
    const response = decodeResponse(bytes)
    if (response?.id !== id) return "something else"
    if (response.code !== codes.NoError) return codeNames.get(response.code) ?? `code ${response.code}`
    return response.isTruncated ? "too much for one datagram" : response.records.map(dataText).join(", ")
  }).pipe(Effect.retry({ times: 3 }))

const demonstrate = Effect.gen(function* () {
  const socket = yield* listen(0)
  yield* Effect.forkScoped(respondOn(socket, table))
  const server = yield* Udp.connect(socket.address)
  const questions = [
    ["www.example.test", "A"],
    ["www.example.test", "AAAA"],
    ["about.example.test", "TXT"],
    ["large.example.test", "TXT"],
    ["nobody.example.test", "A"]
  ] as const
  for (const [index, [name, type]] of questions.entries()) {
    const query = encodeQuery(index, { name, type: types[type], class: classes.IN })
    yield* Console.log(`${name} ${type}: ${yield* ask(server, index, query)}`)
  }
  const half = encodeQuery(99, { name: "www.example.test", type: types.A, class: classes.IN }).subarray(0, 20)
  yield* Console.log(`half a question: ${yield* ask(server, 99, half)}`)
})

const onThisPlatform = <A, E>(effect: Effect.Effect<A, E, Net.Net | Scope.Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(Net.layer))

export const program = onThisPlatform(demonstrate)

const [port] = process.argv.slice(2)
runIfStarted(import.meta, port === undefined ? program : onThisPlatform(serve(Number(port))))
