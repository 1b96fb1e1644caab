/**
 * Overlapped operations: the calls that a completion packet answers.
 *
 * One rule holds for all of them. If the effect succeeds, the operation is in flight, and exactly one packet
 * comes to the socket's port, also where the system could have answered at once. If it fails, none comes.
 * Until the packet is dequeued the OVERLAPPED and the buffer belong to the system; closing their scopes
 * before is safe (the operation is cancelled, the memory outlives it), reading and writing the buffer is not.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { format as formatAddress, type SocketAddress } from "../Address/index.js"
import { closed, invalidArgument, type NetworkError, type SocketError } from "../Errors/index.js"
import type { ForeignMemory } from "../Foreign/Memory.js"
import * as C from "./Constants.js"
import type { OverlappedHandle } from "./Handle.js"
import { kernel32 } from "./Kernel32.js"
import { Overlapped } from "./Overlapped.js"
import { drained } from "./Port.js"
import type { Socket } from "./Socket.js"
import { decoded, encodeFor } from "./Sockets.js"
import { type Part, type Request, socketCalls, submit as submitTo } from "./Submit.js"
import { onWindows, portError } from "./Support.js"
import { winsock } from "./Winsock.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface ReceiveOptions extends Part {
  /** Leave the bytes in the socket, for the next receive to read again (`MSG_PEEK`). */
  readonly peek?: boolean
}

const submit = (socket: Socket, overlapped: Overlapped, request: Omit<Request, "calls">) =>
  submitTo(socket, overlapped, { ...request, calls: socketCalls })

const release = (overlapped: Overlapped): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { port } = overlapped
    overlapped.free()
    if (port === undefined) return Effect.void
    overlapped.cancel()
    return drained(port, "makeOverlapped", () => !overlapped.isInFlight)
  })

/**
 * An OVERLAPPED in foreign memory, for one operation at a time, freed with the scope. An operation that is in
 * flight by then is cancelled, and its packet goes to the port's inbox.
 *
 * Elsewhere than on Windows it fails with the reason `Unsupported`.
 *
 * @since 0.1.0
 * @category overlapped
 */
export const makeOverlapped: Effect.Effect<Overlapped, NetworkError, Scope.Scope> = onWindows(
  "makeOverlapped",
  () =>
    Effect.acquireRelease(
      Effect.sync(() => new Overlapped()),
      release
    )
)

/**
 * Starts receiving: one packet comes with the number of bytes, 0 at the end of the stream. Calls `WSARecv`.
 *
 * @since 0.1.0
 * @category operations
 */
export const receive = (
  socket: Socket,
  overlapped: Overlapped,
  buffer: ForeignMemory,
  options: ReceiveOptions = {}
): Effect.Effect<void, SocketError> => {
  const { bufferAddress, flagsAddress, address } = overlapped
  return submit(socket, overlapped, {
    operation: "receive",
    syscall: "WSARecv",
    buffer,
    part: options,
    flags: options.peek === true ? C.MSG_PEEK : 0,
    start: () => winsock().WSARecv(socket.handle, bufferAddress, 1, flagsAddress, address) === 0
  })
}

/**
 * Starts sending: one packet comes when the system has taken the bytes. Calls `WSASend`.
 *
 * @since 0.1.0
 * @category operations
 */
export const send = (
  socket: Socket,
  overlapped: Overlapped,
  buffer: ForeignMemory,
  part: Part = {}
): Effect.Effect<void, SocketError> =>
  submit(socket, overlapped, {
    operation: "send",
    syscall: "WSASend",
    buffer,
    part,
    start: () => winsock().WSASend(socket.handle, overlapped.bufferAddress, 1, 0, overlapped.address) === 0
  })

/**
 * Starts receiving a datagram; `senderOf` tells whose it was. One that is longer than the buffer is cut off,
 * and its packet is a failure with the reason `TooLong`. Calls `WSARecvFrom`.
 *
 * @since 0.1.0
 * @category operations
 */
export const receiveFrom = (
  socket: Socket,
  overlapped: Overlapped,
  buffer: ForeignMemory,
  options: ReceiveOptions = {}
): Effect.Effect<void, SocketError> => {
  const { bufferAddress, flagsAddress, nameAddress, nameLengthAddress, address } = overlapped
  return submit(socket, overlapped, {
    operation: "receiveFrom",
    syscall: "WSARecvFrom",
    buffer,
    part: options,
    flags: options.peek === true ? C.MSG_PEEK : 0,
    start: () =>
      winsock().WSARecvFrom(
        socket.handle,
        bufferAddress,
        1,
        flagsAddress,
        nameAddress,
        nameLengthAddress,
        address
      ) === 0
  })
}

/**
 * Starts sending a datagram. Calls `WSASendTo`.
 *
 * @since 0.1.0
 * @category operations
 */
export const sendTo = (
  socket: Socket,
  overlapped: Overlapped,
  buffer: ForeignMemory,
  address: SocketAddress,
  part: Part = {}
): Effect.Effect<void, SocketError> =>
  Effect.flatMap(encodeFor(socket, "sendTo", address), (name) =>
    submit(socket, overlapped, {
      operation: "sendTo",
      syscall: "WSASendTo",
      address: formatAddress(address),
      buffer,
      part,
      start: () =>
        winsock().WSASendTo(
          socket.handle,
          overlapped.bufferAddress,
          1,
          0,
          name,
          name.byteLength,
          overlapped.address
        ) === 0
    })
  )

/**
 * Starts connecting a TCP socket, which has to be bound: to `anyAddress(family)`, if to nothing in
 * particular. When the packet tells of success, `updateConnectContext` completes it. Calls `ConnectEx`.
 *
 * @since 0.1.0
 * @category operations
 */
export const connectEx = (
  socket: Socket,
  overlapped: Overlapped,
  address: SocketAddress
): Effect.Effect<void, SocketError> =>
  Effect.flatMap(encodeFor(socket, "connectEx", address), (name) =>
    submit(socket, overlapped, {
      operation: "connectEx",
      syscall: "ConnectEx",
      address: formatAddress(address),
      start: () => winsock().ConnectEx(socket.handle, name, name.byteLength, 0, 0, overlapped.address) !== 0
    })
  )

/**
 * Starts accepting: the next connection to `listener` becomes that of `accepted`, a fresh TCP socket of the
 * same family. When the packet (under the listener's key) tells of success, `updateAcceptContext` completes
 * it, and `acceptedAddresses` tells who it is. Calls `AcceptEx`.
 *
 * @since 0.1.0
 * @category operations
 */
export const acceptEx = (
  listener: Socket,
  accepted: Socket,
  overlapped: Overlapped
): Effect.Effect<void, SocketError> =>
  Effect.suspend(() => {
    if (!accepted.isOpen) return Effect.fail(closed("acceptEx"))
    const room = C.ACCEPTEX_ADDRESS_LENGTH
    return submit(listener, overlapped, {
      operation: "acceptEx",
      syscall: "AcceptEx",
      accepted,
      start: () =>
        winsock().AcceptEx(
          listener.handle,
          accepted.handle,
          overlapped.nameAddress,
          0,
          room,
          room,
          overlapped.address
        ) !== 0
    })
  })

/**
 * Both ends of the connection that `acceptEx` accepted, from the packet on and until the OVERLAPPED starts
 * its next operation. Calls `GetAcceptExSockaddrs`.
 *
 * @since 0.1.0
 * @category operations
 */
export const acceptedAddresses = (
  overlapped: Overlapped
): Effect.Effect<{ readonly local: SocketAddress; readonly remote: SocketAddress }, NetworkError> =>
  whenRetired("acceptedAddresses", overlapped, (bytes) => {
    const room = C.ACCEPTEX_ADDRESS_LENGTH
    const [local, remote] = [new Uint8Array(8), new Uint8Array(8)]
    const { nameAddress } = overlapped
    winsock().GetAcceptExSockaddrs(
      nameAddress,
      0,
      room,
      room,
      local,
      new Uint8Array(4),
      remote,
      new Uint8Array(4)
    )
    const at = (pointer: Uint8Array) => {
      const start = Number(new DataView(pointer.buffer).getBigUint64(0, true)) - nameAddress
      return decoded("acceptedAddresses", bytes.subarray(Math.max(0, start)))
    }
    return Effect.all({ local: at(local), remote: at(remote) })
  })

/**
 * Who sent the datagram that `receiveFrom` received, from the packet on and until the OVERLAPPED starts its
 * next operation.
 *
 * @since 0.1.0
 * @category operations
 */
export const senderOf = (overlapped: Overlapped): Effect.Effect<SocketAddress, NetworkError> =>
  whenRetired("senderOf", overlapped, (bytes) => decoded("senderOf", bytes))

const whenRetired = <A>(
  operation: string,
  overlapped: Overlapped,
  read: (bytes: Uint8Array) => Effect.Effect<A, NetworkError>
): Effect.Effect<A, NetworkError> =>
  Effect.suspend(() => {
    if (overlapped.isFreed)
      return Effect.fail(invalidArgument(operation, "the scope of this OVERLAPPED is closed"))
    if (overlapped.isInFlight) return Effect.fail(invalidArgument(operation, "the operation is in flight"))
    return read(overlapped.nameBytes)
  })

/**
 * Asks for the end of an operation, or of all that are in flight on the socket or pipe. A packet comes for each of
 * them all the same: with the reason `Cancelled` (995), or with what it achieved before. `false` if there was
 * nothing left to cancel; a packet that is due is on its way then. (Wine answers `true` whenever no
 * OVERLAPPED is named.) Calls `CancelIoEx`.
 *
 * @since 0.1.0
 * @category operations
 */
export const cancel = (
  target: OverlappedHandle,
  overlapped?: Overlapped
): Effect.Effect<boolean, SocketError> =>
  Effect.suspend((): Effect.Effect<boolean, SocketError> => {
    if (!target.isOpen) return Effect.fail(closed("cancel"))
    if (kernel32().CancelIoEx(target.handle, overlapped?.address ?? 0) !== 0) return Effect.succeed(true)
    const code = kernel32().GetLastError()
    if (code === C.ERROR_NOT_FOUND) return Effect.succeed(false)
    return Effect.fail(portError(code, { operation: "cancel", syscall: "CancelIoEx" }))
  })
