/**
 * The calls that may find that they would block, and then answer nothing: wait for the descriptor to be ready, and
 * call again.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { format as formatAddress, type SocketAddress } from "../Address/index.js"
import { fromErrno, invalidArgument, type SocketError } from "../Errors/index.js"
import * as C from "./Constants.js"
import { closeDescriptor, Descriptor, withNumber } from "./Descriptor.js"
import { type Libc, SOCKADDR_STORAGE_BYTES } from "./Libc.js"
import { decoded, encoded } from "./Sockets.js"

/** Makes a call that answers -1 where it failed; none where it would block. */
const attempt = (
  operation: string,
  syscall: string,
  descriptor: Descriptor | number,
  run: (fd: number, system: Libc) => number,
  address?: string
): Effect.Effect<Option.Option<number>, SocketError> =>
  withNumber(operation, descriptor, (fd, system) => {
    for (;;) {
      const result = run(fd, system)
      if (result >= 0) return Effect.succeed(Option.some(result))
      const code = system.errno()
      if (code === C.EAGAIN) return Effect.succeed(Option.none())
      if (code !== C.EINTR) return Effect.fail(fromErrno(code, { operation, syscall, address }))
    }
  })

const emptyBuffer = (operation: string) =>
  Effect.fail(invalidArgument(operation, "a buffer without room cannot tell data from the end of the stream"))

/**
 * Reads what is there into `buffer` and answers how many bytes that was; 0 at the end of the stream; none if nothing
 * is there yet. Calls `read`.
 *
 * @since 0.1.0
 * @category transfers
 */
export const tryRead = (
  descriptor: Descriptor | number,
  buffer: Uint8Array
): Effect.Effect<Option.Option<number>, SocketError> =>
  buffer.length === 0
    ? emptyBuffer("tryRead")
    : attempt("tryRead", "read", descriptor, (fd, system) => system.read(fd, buffer, buffer.length))

/**
 * Writes as many of the bytes as fit and answers how many that was; none if not one does. Calls `write`.
 *
 * @since 0.1.0
 * @category transfers
 */
export const tryWrite = (
  descriptor: Descriptor | number,
  bytes: Uint8Array
): Effect.Effect<Option.Option<number>, SocketError> =>
  attempt("tryWrite", "write", descriptor, (fd, system) => system.write(fd, bytes, bytes.length))

/**
 * Takes a connection that has come; none if none has. It is closed with the scope. Calls `accept4`.
 *
 * @since 0.1.0
 * @category transfers
 */
export const tryAccept = (
  listener: Descriptor | number
): Effect.Effect<Option.Option<Descriptor>, SocketError, Scope.Scope> => {
  const accepted = attempt("tryAccept", "accept4", listener, (fd, system) =>
    system.accept4(fd, null, null, C.SOCK_NONBLOCK | C.SOCK_CLOEXEC)
  )
  return Effect.acquireRelease(
    Effect.map(
      accepted,
      Option.map((fd) => new Descriptor(fd))
    ),
    (connection) => (Option.isSome(connection) ? closeDescriptor(connection.value) : Effect.void)
  )
}

/**
 * Begins to connect. True if that is over at once; false if it is under way: wait until the socket is writable, then
 * ask `finishConnect`. For a UDP socket it sets the peer. Calls `connect`.
 *
 * @since 0.1.0
 * @category transfers
 */
export const tryConnect = (
  descriptor: Descriptor | number,
  address: SocketAddress
): Effect.Effect<boolean, SocketError> =>
  Effect.flatMap(encoded("tryConnect", address), (name) =>
    withNumber("tryConnect", descriptor, (fd, system) => {
      if (system.connect(fd, name, name.length) === 0) return Effect.succeed(true)
      const code = system.errno()
      if (code === C.EINPROGRESS || code === C.EINTR) return Effect.succeed(false)
      const call = { operation: "tryConnect", syscall: "connect", address: formatAddress(address) }
      return Effect.fail(fromErrno(code, call))
    })
  )

/**
 * How a connect that was under way has ended: fails as it failed. Asks for `SO_ERROR`.
 *
 * @since 0.1.0
 * @category transfers
 */
export const finishConnect = (descriptor: Descriptor | number): Effect.Effect<void, SocketError> =>
  withNumber("finishConnect", descriptor, (fd, system) => {
    const value = Int32Array.of(0)
    const failed = (code: number, syscall: string) =>
      Effect.fail(fromErrno(code, { operation: "finishConnect", syscall }))
    if (system.getsockopt(fd, C.SOL_SOCKET, C.SO_ERROR, value, Int32Array.of(4)) !== 0) {
      return failed(system.errno(), "getsockopt")
    }
    const [code = 0] = value
    return code === 0 ? Effect.void : failed(code, "connect")
  })

/**
 * A datagram, and who sent it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Received {
  /** How many bytes of `buffer` it fills; what did not fit is gone. */
  readonly bytes: number
  readonly from: SocketAddress
}

/**
 * Receives a datagram into `buffer`; none if none has come. Calls `recvfrom`.
 *
 * @since 0.1.0
 * @category transfers
 */
export const tryReceiveFrom = (
  descriptor: Descriptor | number,
  buffer: Uint8Array
): Effect.Effect<Option.Option<Received>, SocketError> =>
  Effect.suspend(() => {
    const name = new Uint8Array(SOCKADDR_STORAGE_BYTES)
    const received = attempt("tryReceiveFrom", "recvfrom", descriptor, (fd, system) =>
      system.recvfrom(fd, buffer, buffer.length, 0, name, Int32Array.of(name.length))
    )
    return Effect.flatMap(received, (result) =>
      Option.isNone(result)
        ? Effect.succeed(Option.none())
        : Effect.map(decoded("tryReceiveFrom", name), (from) => Option.some({ bytes: result.value, from }))
    )
  })

/**
 * Sends a datagram; none if there is no room for it now. Calls `sendto`.
 *
 * @since 0.1.0
 * @category transfers
 */
export const trySendTo = (
  descriptor: Descriptor | number,
  bytes: Uint8Array,
  address: SocketAddress
): Effect.Effect<Option.Option<number>, SocketError> =>
  Effect.flatMap(encoded("trySendTo", address), (name) =>
    attempt(
      "trySendTo",
      "sendto",
      descriptor,
      (fd, system) => system.sendto(fd, bytes, bytes.length, C.MSG_NOSIGNAL, name, name.length),
      formatAddress(address)
    )
  )
