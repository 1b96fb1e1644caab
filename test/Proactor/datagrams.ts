/**
 * Datagram sockets and their operations, for tests of proactors.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type AddressFamily, loopbackAddress, type SocketAddress } from "../../src/Address/index.js"
import type { SocketError } from "../../src/Errors/index.js"
import {
  type Datagram,
  outgoing,
  type ProactorDatagramSocket,
  ReceiveFromOperation,
  SendToOperation
} from "../../src/Proactor/Datagram.js"
import type { ProactorService } from "../../src/Proactor/Proactor.js"
import { closing, perform } from "./harness.js"

export interface Bound {
  readonly socket: ProactorDatagramSocket
  readonly address: SocketAddress
}

/** A socket that is closed with the scope. */
export const openUdp = (proactor: ProactorService, family: AddressFamily = "IPv4") =>
  Effect.acquireRelease(proactor.openUdp(family), closing)

/** One that is bound, to loopback and a port of the system's choice if nothing else is said. */
export const bound = (
  proactor: ProactorService,
  address: SocketAddress = loopbackAddress("IPv4")
): Effect.Effect<Bound, SocketError, Scope.Scope> =>
  Effect.gen(function* () {
    const socket = yield* openUdp(proactor, address.family)
    yield* socket.bind(address)
    return { socket, address: yield* socket.localAddress }
  })

/** One that has a peer. */
export const connected = (proactor: ProactorService, peer: SocketAddress) =>
  Effect.gen(function* () {
    const socket = yield* openUdp(proactor, peer.family)
    yield* socket.connect(peer)
    return { socket, address: yield* socket.localAddress }
  })

export const receiveFromOperation = (maxBytes?: number, maxCount = 1): ReceiveFromOperation => {
  const operation = new ReceiveFromOperation()
  if (maxBytes !== undefined) operation.maxBytes = maxBytes
  operation.maxCount = maxCount
  return operation
}

export const sendToOperation = (bytes: Uint8Array, address?: SocketAddress): SendToOperation => {
  const operation = new SendToOperation()
  operation.datagrams = [outgoing(bytes, address)]
  return operation
}

/** The next datagram. */
export const receiveFrom = (
  socket: ProactorDatagramSocket,
  maxBytes?: number
): Effect.Effect<Datagram, SocketError> =>
  Effect.flatMap(
    Effect.suspend(() => perform(socket, receiveFromOperation(maxBytes))),
    ({ received: [first] }) =>
      first === undefined ? Effect.die(new Error("a receive brought nothing")) : Effect.succeed(first)
  )

/** So many datagrams, however many come at a time. */
export const receiveCount = (socket: ProactorDatagramSocket, count: number) =>
  Effect.gen(function* () {
    const datagrams: Array<Datagram> = []
    while (datagrams.length < count) {
      const { received } = yield* perform(socket, receiveFromOperation(undefined, count - datagrams.length))
      datagrams.push(...received)
    }
    return datagrams
  })

export const sendTo = (
  socket: ProactorDatagramSocket,
  bytes: Uint8Array,
  address?: SocketAddress
): Effect.Effect<void, SocketError> =>
  Effect.asVoid(Effect.suspend(() => perform(socket, sendToOperation(bytes, address))))

/** A port of loopback at which nobody receives: one that was given back a moment ago. */
export const deadAddress = (proactor: ProactorService) =>
  Effect.map(Effect.scoped(bound(proactor)), ({ address }) => address)
