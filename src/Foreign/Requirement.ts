/**
 * What stands before every use of a foreign library: is this its platform, and does it load.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { NetworkError, type SocketError, type SystemCall, unsupported } from "../Errors/index.js"

/**
 * Bindings that exist on one platform only.
 *
 * @internal
 */
export interface Bindings {
  readonly isSupported: boolean
  /** What to tell somebody on another platform. */
  readonly elsewhere: string
  /** What to tell somebody on whose machine they do not load. */
  readonly unloadable: string
  /** Loads them. Throws what the loader throws. */
  readonly load: () => void
}

const refusalOf = (bindings: Bindings, operation: string): NetworkError | undefined => {
  if (!bindings.isSupported) return unsupported(operation, bindings.elsewhere)
  try {
    bindings.load()
    return undefined
  } catch (cause) {
    return new NetworkError({ operation, reason: "Unsupported", advice: bindings.unloadable, cause })
  }
}

/**
 * Makes a function that runs an effect where the bindings exist, and fails with `Unsupported` everywhere else.
 *
 * @internal
 */
export const requiring =
  (bindings: Bindings) =>
  <A, E, R>(operation: string, effect: () => Effect.Effect<A, E, R>): Effect.Effect<A, E | NetworkError, R> =>
    Effect.suspend((): Effect.Effect<A, E | NetworkError, R> => {
      const refusal = refusalOf(bindings, operation)
      return refusal === undefined ? effect() : Effect.fail(refusal)
    })

/**
 * The same error as one of the system's, for a call that concerns no connection.
 *
 * @internal
 */
export const ofTheSystem = (error: SocketError, call: SystemCall, advice?: string): NetworkError => {
  const { code, codeName } = error
  const reason = error._tag === "NetworkError" ? error.reason : "Unknown"
  return new NetworkError({ ...call, reason, code, codeName, advice: advice ?? error.advice })
}
