/**
 * The calls on a socket that are over when they return.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type Endpoint, format } from "../../Address/index.js"
import * as C from "../../Epoll/Constants.js"
import { type Libc, SOCKADDR_STORAGE_BYTES } from "../../Epoll/Libc.js"
import { fromErrno, type SocketError, type SystemCall } from "../../Errors/index.js"
import type { ShutdownHow } from "../Proactor.js"
import type { Domain } from "./Domain.js"

const SHUTDOWN_HOW: Record<ShutdownHow, number> = { read: C.SHUT_RD, write: C.SHUT_WR, both: C.SHUT_RDWR }

const sockaddr = new Uint8Array(SOCKADDR_STORAGE_BYTES)
const sockaddrLength = new Int32Array(1)

const ended = (system: Libc, result: number, call: SystemCall): Effect.Effect<void, SocketError> =>
  result === 0 ? Effect.void : Effect.fail(fromErrno(system.errno(), call))

/** @internal */
export const bind = <A extends Endpoint>(
  system: Libc,
  fd: number,
  domain: Domain<A>,
  address: A
): Effect.Effect<void, SocketError> => {
  const bytes = domain.encode(address)
  if (!(bytes instanceof Uint8Array)) return Effect.fail(bytes)
  const call = { operation: "bind", syscall: "bind", address: format(address) }
  return ended(system, system.bind(fd, bytes, bytes.length), call)
}

/** @internal */
export const listen = (system: Libc, fd: number, backlog: number): Effect.Effect<void, SocketError> =>
  ended(system, system.listen(fd, backlog), { operation: "listen", syscall: "listen" })

/** @internal */
export const shutdown = (system: Libc, fd: number, how: ShutdownHow): Effect.Effect<void, SocketError> =>
  ended(system, system.shutdown(fd, SHUTDOWN_HOW[how]), { operation: "shutdown", syscall: "shutdown" })

/** @internal */
export const localAddress = <A extends Endpoint>(
  system: Libc,
  fd: number,
  domain: Domain<A>
): Effect.Effect<A, SocketError> =>
  addressOf(system, fd, domain, system.getsockname, { operation: "localAddress", syscall: "getsockname" })

/** @internal */
export const remoteAddress = <A extends Endpoint>(
  system: Libc,
  fd: number,
  domain: Domain<A>
): Effect.Effect<A, SocketError> =>
  addressOf(system, fd, domain, system.getpeername, { operation: "remoteAddress", syscall: "getpeername" })

const addressOf = <A extends Endpoint>(
  system: Libc,
  fd: number,
  domain: Domain<A>,
  ask: Libc["getsockname"],
  call: SystemCall
): Effect.Effect<A, SocketError> => {
  sockaddrLength[0] = sockaddr.length
  const code = ask(fd, sockaddr, sockaddrLength) === 0 ? 0 : system.errno()
  const address = domain.decode(sockaddr, sockaddrLength[0] ?? 0)
  return code === 0 && address !== undefined
    ? Effect.succeed(address)
    : Effect.fail(fromErrno(code === 0 ? C.EAFNOSUPPORT : code, call))
}
