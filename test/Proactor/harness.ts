/**
 * Operations as Effects, just for tests, and a look at what each test left behind.
 */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import {
  type AddressFamily,
  type Endpoint,
  loopbackAddress,
  type SocketAddress
} from "../../src/Address/index.js"
import type { SocketError } from "../../src/Errors/index.js"
import {
  AcceptOperation,
  ConnectOperation,
  type Operation,
  ReceiveOperation,
  SendOperation
} from "../../src/Proactor/Operation.js"
import type { Pieces } from "../../src/Proactor/Pieces.js"
import type {
  ProactorHandle,
  ProactorService,
  ProactorSocket,
  ProactorStream
} from "../../src/Proactor/Proactor.js"
import { resources, resourcesAfter } from "../support/resources.js"

export interface SystemCode {
  readonly code: number
  readonly codeName: string
}

/** What a system has of Unix sockets. */
export type UnixSupport = "paths and abstract names" | "paths" | "none"

/** A proactor under test, and what its platform calls things. */
export interface Subject {
  readonly name: string
  readonly make: Effect.Effect<ProactorService, SocketError, Scope.Scope>
  /** Whether it can run on this platform. */
  readonly isHere: boolean
  /** Whether system calls are slow here, so that a test takes fewer rounds. */
  readonly isSlow: boolean
  /** Whether it is a network of its own, which no other program can reach. */
  readonly isIsolated?: boolean
  /** Whether a listener's address can be bound again while connections linger there; not where binding is exclusive. */
  readonly restartsAtOnce: boolean
  readonly unix: UnixSupport
  /** Whether the system has named pipes. It has none if absent. */
  readonly hasPipes?: boolean
  readonly codes: Record<"refused" | "addressInUse" | "notConnected", SystemCode>
}

type Program<E> = (proactor: ProactorService) => Effect.Effect<unknown, E, Scope.Scope>

/** A proactor in a scope of its own, so that the program's sockets are closed first. */
const runSettled = <E>(subject: Subject, program: Program<E>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const proactor = yield* subject.make
      yield* Effect.scoped(program(proactor))
      const { inFlight, openSockets, retired, submitted } = yield* proactor.statistics
      assert.strictEqual(inFlight, 0, "operations in flight")
      assert.strictEqual(retired, submitted, "operations retired")
      assert.strictEqual(openSockets, 0, "open sockets")
    })
  )

/** Uses everything once: the first use opens what stays open, libraries and libuv's own handles. */
const warmUp: Program<SocketError> = (proactor) =>
  Effect.gen(function* () {
    const { client, server } = yield* pair(proactor)
    const receiving = start(server, receiveOperation())
    yield* Effect.sleep("1 millis")
    yield* sendAll(client, Uint8Array.of(1))
    yield* receiving.retired
  })

const runChecked = <E>(subject: Subject, program: Program<E>) =>
  Effect.gen(function* () {
    yield* runSettled(subject, warmUp)
    const before = resources()
    yield* runSettled(subject, program)
    const after = yield* resourcesAfter(before)
    assert.isAtMost(after.handles, before.handles, "descriptors or handles left open")
    assert.strictEqual(after.foreignBytes, before.foreignBytes, "foreign memory left allocated")
  })

/** A test of a subject. */
export const test = <E>(subject: Subject, name: string, program: Program<E>): void => {
  it.live(name, () => runChecked(subject, program))
}

/** An operation that was submitted, and how often it has retired since. */
export interface Started<A extends Operation> {
  readonly operation: A
  readonly retirements: () => number
  /** Waits until it has retired, well or not. */
  readonly retired: Effect.Effect<A>
}

/** Submits an operation. */
export const start = <A extends Operation>(socket: ProactorHandle<A>, operation: A): Started<A> => {
  const waiting: Array<() => void> = []
  let retirements = 0
  const onRetired = () => {
    retirements += 1
    for (const wake of waiting.splice(0)) wake()
  }
  operation.onRetired = onRetired
  if (socket.submit(operation)) onRetired()
  return {
    operation,
    retirements: () => retirements,
    retired: Effect.async((resume) => {
      const wake = () => resume(Effect.succeed(operation))
      if (retirements > 0) wake()
      else waiting.push(wake)
    })
  }
}

/** Submits an operation and waits until it has retired, well or not. */
export const attempt = <A extends Operation>(socket: ProactorHandle<A>, operation: A): Effect.Effect<A> =>
  Effect.suspend(() => start(socket, operation).retired)

/** The operation, or its failure. */
export const orFail = <A extends Operation>(operation: A): Effect.Effect<A, SocketError> =>
  operation.failure === undefined ? Effect.succeed(operation) : Effect.fail(operation.failure)

/** Why an operation failed; it must have. */
export const failureOf = (operation: Operation): SocketError => {
  if (operation.failure === undefined) throw new Error(`the ${operation.kind} was to fail`)
  return operation.failure
}

/** Submits an operation that must fail, and answers why it did. */
export const attemptFailing = <A extends Operation>(
  socket: ProactorHandle<A>,
  operation: A
): Effect.Effect<SocketError> => Effect.map(attempt(socket, operation), failureOf)

export const perform = <A extends Operation>(socket: ProactorHandle<A>, operation: A) =>
  Effect.flatMap(attempt(socket, operation), orFail)

export const receiveOperation = (maxBytes = 65_536): ReceiveOperation => {
  const operation = new ReceiveOperation()
  operation.maxBytes = maxBytes
  return operation
}

export const sendOperation = (bytes: Uint8Array): SendOperation => {
  const operation = new SendOperation()
  operation.bytes = bytes
  return operation
}

/** Several pieces as one, from wherever the cursor stands. */
export const gatherOperation = (pieces: Pieces): SendOperation => {
  const operation = sendOperation(pieces.current)
  operation.offset = pieces.offset
  operation.pieces = pieces
  return operation
}

/** What comes next; empty at the end of the stream. */
export const receive = (
  socket: ProactorHandle<ReceiveOperation>,
  maxBytes?: number
): Effect.Effect<Uint8Array, SocketError> =>
  Effect.suspend(() =>
    Effect.map(perform(socket, receiveOperation(maxBytes)), (operation) => operation.chunk)
  )

export const sendAll = (
  socket: ProactorHandle<SendOperation>,
  bytes: Uint8Array
): Effect.Effect<void, SocketError> =>
  Effect.gen(function* () {
    const operation = sendOperation(bytes)
    while (operation.offset < bytes.length) {
      yield* perform(socket, operation)
      assert.isAbove(operation.sent, 0, "a send makes progress")
      operation.offset += operation.sent
    }
  })

/** Everything up to the end of the stream. */
export const receiveToEnd = (
  socket: ProactorHandle<ReceiveOperation>
): Effect.Effect<Uint8Array, SocketError> =>
  Effect.gen(function* () {
    const chunks: Array<Uint8Array> = []
    for (;;) {
      const chunk = yield* receive(socket)
      if (chunk.length === 0) return Buffer.concat(chunks)
      chunks.push(chunk)
    }
  })

export const receiveExactly = (socket: ProactorHandle<ReceiveOperation>, length: number) =>
  Effect.gen(function* () {
    const chunks: Array<Uint8Array> = []
    for (let got = 0; got < length; ) {
      const chunk = yield* receive(socket, length - got)
      if (chunk.length === 0) break
      chunks.push(chunk)
      got += chunk.length
    }
    return Buffer.concat(chunks)
  })

/** A socket that is closed with the scope. */
export const open = (proactor: ProactorService, family: AddressFamily = "IPv4") =>
  Effect.acquireRelease(proactor.openTcp(family), closing)

/** A listening socket on loopback, at a port of the system's choice. */
export const listen = (
  proactor: ProactorService,
  address: SocketAddress = loopbackAddress("IPv4"),
  backlog = 128
) =>
  Effect.gen(function* () {
    const socket = yield* open(proactor, address.family)
    yield* socket.bind(address)
    yield* socket.listen(backlog)
    return { socket, address: yield* socket.localAddress }
  })

export const connect = (proactor: ProactorService, address: SocketAddress) =>
  Effect.tap(open(proactor, address.family), (socket) => perform(socket, new ConnectOperation(address)))

export interface Accepted<A extends Endpoint = SocketAddress> {
  readonly socket: ProactorStream<A>
  readonly remoteAddress: A | undefined
}

export const accept = <A extends Endpoint>(
  listener: ProactorSocket<A>
): Effect.Effect<Accepted<A>, SocketError, Scope.Scope> =>
  Effect.flatMap(attempt(listener, new AcceptOperation<A>()), acceptedBy)

/** The connection that an accept brought; it is closed with the scope. */
export const acceptedBy = <A extends Endpoint>(
  operation: AcceptOperation<A>
): Effect.Effect<Accepted<A>, SocketError, Scope.Scope> =>
  Effect.gen(function* () {
    yield* orFail(operation)
    const socket = operation.accepted
    if (socket === undefined) return yield* Effect.die(new Error("an accept succeeded without a socket"))
    yield* Effect.addFinalizer(() => closing(socket))
    return { socket, remoteAddress: operation.remoteAddress }
  })

/** A listener on loopback and one connection to it. */
export const pair = (proactor: ProactorService) =>
  Effect.gen(function* () {
    const listener = yield* listen(proactor)
    const client = yield* connect(proactor, listener.address)
    const { remoteAddress, socket: server } = yield* accept(listener.socket)
    return { listener, client, server, remoteAddress }
  })

/** Both ends of a connection, whatever carries it. */
export interface Pair {
  readonly client: ProactorStream<Endpoint>
  readonly server: ProactorStream<Endpoint>
}

/** How to make one. */
export type MakePair = (proactor: ProactorService) => Effect.Effect<Pair, SocketError, Scope.Scope>

/** Closes with a reset. */
export const reset = (socket: ProactorStream): Effect.Effect<void, SocketError> =>
  Effect.zipRight(socket.setOption("lingerSeconds", 0), closing(socket))

export const closing = (socket: Pick<ProactorHandle<never>, "close">): Effect.Effect<void> =>
  Effect.sync(() => socket.close())

/** Lets a few turns of the event loop pass. */
export const turns: Effect.Effect<void> = Effect.repeatN(
  Effect.async<void>((resume) => {
    setImmediate(() => resume(Effect.void))
  }),
  3
)

/** Bytes whose order shows: each one says where it stands. */
export const pattern = (length: number, from = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => ((from + index) * 31 + ((from + index) >> 8)) & 0xff)

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Whether the system has that loopback address. */
export const hasFamily = (proactor: ProactorService, family: AddressFamily) =>
  Effect.isSuccess(Effect.scoped(listen(proactor, loopbackAddress(family))))
