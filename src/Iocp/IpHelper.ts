/**
 * Bindings of iphlpapi.dll: the names of network interfaces.
 *
 * Names, argument order and results are those of the Windows headers. A structure is passed as a `Uint8Array`, used for the
 * length of the call. The `Convert...` functions answer 0 or the code of what failed.
 *
 * Nothing is loaded before `ipHelper()` is called for the first time, which is possible on Windows only: callers ask
 * `isSupported` of `Kernel32.ts` first.
 *
 * @since 0.1.0
 */
import { koffi, lazily } from "../Foreign/Koffi.js"

/** @internal */
export interface IpHelper {
  /** By the alias, which people see and give: `Ethernet 2`. Writes 64 bits (NET_LUID) to `luid`. */
  readonly ConvertInterfaceAliasToLuid: (alias: string, luid: Uint8Array) => number
  /** Writes 32 bits to `index`. */
  readonly ConvertInterfaceLuidToIndex: (luid: Uint8Array, index: Uint8Array) => number
  /** By the name that the system gave: `ethernet_32768`. 0 if there is none. */
  readonly if_nametoindex: (name: string) => number
}

/** @internal */
export const ipHelper: () => IpHelper = lazily(() => {
  const library = koffi().load("iphlpapi.dll")
  const bind = <F>(name: string, result: string, parameters: ReadonlyArray<string>): F =>
    library.func("__stdcall", name, result, [...parameters]) as unknown as F
  return {
    ConvertInterfaceAliasToLuid: bind("ConvertInterfaceAliasToLuid", "uint32_t", ["str16", "void *"]),
    ConvertInterfaceLuidToIndex: bind("ConvertInterfaceLuidToIndex", "uint32_t", ["void *", "void *"]),
    if_nametoindex: bind("if_nametoindex", "uint32_t", ["str"])
  }
})
