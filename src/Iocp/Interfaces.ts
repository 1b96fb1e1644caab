/**
 * Network interfaces by name.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { adviceOnInterface } from "../Address/HostPort.js"
import { invalidArgument, type SocketError, socketError } from "../Errors/index.js"
import { ipHelper } from "./IpHelper.js"
import { onWindows } from "./Support.js"

const OPERATION = "interfaceIndex"

/** By the alias; 0 if there is none. */
const byAlias = (name: string): number => {
  const luid = new Uint8Array(8)
  const index = new Uint8Array(4)
  const { ConvertInterfaceAliasToLuid, ConvertInterfaceLuidToIndex } = ipHelper()
  const isFound =
    ConvertInterfaceAliasToLuid(name, luid) === 0 && ConvertInterfaceLuidToIndex(luid, index) === 0
  return isFound ? new DataView(index.buffer).getUint32(0, true) : 0
}

/**
 * The number of an interface, by either name; 0 if there is none.
 *
 * @internal
 */
export const indexByName = (name: string): number => byAlias(name) || ipHelper().if_nametoindex(name)

/**
 * The number of an interface, by the alias that people give it (`Ethernet 2`) or by the system's own name for it
 * (`ethernet_32768`). Calls `ConvertInterfaceAliasToLuid`, or else `if_nametoindex`.
 *
 * Fails with `AddressNotAvailable` if there is none of that name.
 *
 * @since 0.1.0
 * @category interfaces
 */
export const interfaceIndex = (name: string): Effect.Effect<number, SocketError> =>
  onWindows(OPERATION, (): Effect.Effect<number, SocketError> => {
    const advice = adviceOnInterface(name)
    if (advice !== undefined) return Effect.fail(invalidArgument(OPERATION, advice))
    const index = indexByName(name)
    if (index > 0) return Effect.succeed(index)
    return Effect.fail(
      socketError("AddressNotAvailable", {
        operation: OPERATION,
        syscall: "if_nametoindex",
        address: name,
        advice: "No network interface has that name."
      })
    )
  })
