/**
 * Network interfaces by name.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { adviceOnInterface } from "../Address/HostPort.js"
import { fromErrno, invalidArgument, type SocketError } from "../Errors/index.js"
import { libc } from "./Libc.js"
import { onLinux } from "./Support.js"

const OPERATION = "interfaceIndex"

/**
 * The number of an interface, by its name: `lo`, `eth0`. Calls `if_nametoindex`.
 *
 * Fails with `AddressNotAvailable` if there is none of that name.
 *
 * @since 0.1.0
 * @category interfaces
 */
export const interfaceIndex = (name: string): Effect.Effect<number, SocketError> =>
  onLinux(OPERATION, (): Effect.Effect<number, SocketError> => {
    const advice = adviceOnInterface(name)
    if (advice !== undefined) return Effect.fail(invalidArgument(OPERATION, advice))
    const system = libc()
    const index = system.if_nametoindex(name)
    if (index > 0) return Effect.succeed(index)
    return Effect.fail(
      fromErrno(system.errno(), { operation: OPERATION, syscall: "if_nametoindex", address: name })
    )
  })
