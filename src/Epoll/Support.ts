/**
 * What stands before every system call: is this Linux, and what does a refusal look like.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { fromErrno, NetworkError, type SystemCall, unsupported } from "../Errors/index.js"
import { EPERM } from "./Constants.js"
import { isSupported, libc } from "./Libc.js"

const loadBindings = (operation: string): NetworkError | undefined => {
  if (!isSupported) {
    return unsupported(
      operation,
      "epoll exists on Linux only (x64 and arm64); use Net or Iocp on this platform"
    )
  }
  try {
    libc()
    return undefined
  } catch (cause) {
    const advice = "the C library could not be bound; is koffi installed for this platform?"
    return new NetworkError({ operation, reason: "Unsupported", advice, cause })
  }
}

/**
 * Runs `effect` where epoll exists, and fails with the reason `Unsupported` everywhere else.
 *
 * @internal
 */
export const onLinux = <A, E, R>(
  operation: string,
  effect: () => Effect.Effect<A, E, R>
): Effect.Effect<A, E | NetworkError, R> =>
  Effect.suspend((): Effect.Effect<A, E | NetworkError, R> => {
    const refusal = loadBindings(operation)
    return refusal === undefined ? effect() : Effect.fail(refusal)
  })

/**
 * The error for an errno that a call answered which concerns no connection.
 *
 * @internal
 */
export const systemError = (code: number, call: SystemCall, advice?: string): NetworkError => {
  const error = fromErrno(code, call)
  // `epoll_ctl` answers EPERM about the kind of the descriptor; nobody's permission is in question.
  const found = error._tag === "NetworkError" ? error.reason : "Unknown"
  const reason = call.syscall === "epoll_ctl" && code === EPERM ? "InvalidArgument" : found
  return new NetworkError({ ...call, reason, code, codeName: error.codeName, advice: advice ?? error.advice })
}

/**
 * The error for using an instance after it was closed.
 *
 * @internal
 */
export const instanceClosed = (operation: string): NetworkError =>
  new NetworkError({ operation, reason: "InvalidHandle", advice: "the epoll instance is closed" })
