/**
 * What stands before every system call: is this Windows, and what does a refusal look like.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { fromWin32, NetworkError, type SystemCall, unsupported } from "../Errors/index.js"
import { isSupported, kernel32 } from "./Kernel32.js"
import { winsock } from "./Winsock.js"

const loadBindings = (operation: string): NetworkError | undefined => {
  if (!isSupported) {
    return unsupported(operation, "completion ports exist on Windows only; use Net or Epoll on this platform")
  }
  try {
    kernel32()
    winsock()
    return undefined
  } catch (cause) {
    const advice = "kernel32.dll and ws2_32.dll could not be bound; is koffi installed for this platform?"
    return new NetworkError({ operation, reason: "Unsupported", advice, cause })
  }
}

/**
 * Runs `effect` where completion ports exist, and fails with the reason `Unsupported` everywhere else.
 *
 * @internal
 */
export const onWindows = <A, E, R>(
  operation: string,
  effect: () => Effect.Effect<A, E, R>
): Effect.Effect<A, E | NetworkError, R> =>
  Effect.suspend((): Effect.Effect<A, E | NetworkError, R> => {
    const refusal = loadBindings(operation)
    return refusal === undefined ? effect() : Effect.fail(refusal)
  })

/**
 * The error for what `GetLastError` answered to a call that concerns no connection.
 *
 * @internal
 */
export const portError = (code: number, call: SystemCall, advice?: string): NetworkError => {
  const error = fromWin32(code, call)
  const reason = error._tag === "NetworkError" ? error.reason : "Unknown"
  return new NetworkError({ ...call, reason, code, codeName: error.codeName, advice: advice ?? error.advice })
}

/**
 * The error for using a port after it was closed.
 *
 * @internal
 */
export const portClosed = (operation: string): NetworkError =>
  new NetworkError({ operation, reason: "InvalidHandle", advice: "the completion port is closed" })
