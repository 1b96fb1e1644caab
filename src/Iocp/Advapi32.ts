/**
 * Bindings of advapi32.dll: security descriptors from their text.
 *
 * As with `Kernel32.ts`: names and results are those of the Windows headers, and nothing is loaded before
 * `advapi32()` is called for the first time, which is possible on Windows only.
 *
 * @since 0.1.0
 */
import { koffi, lazily } from "../Foreign/Koffi.js"

/** @internal */
export interface Advapi32 {
  /**
   * A BOOL. Writes the address of a descriptor, self-relative and to be freed with LocalFree, and its size, a ULONG; both
   * in memory order. What is wrong tells kernel32's `GetLastError()`.
   */
  readonly ConvertStringSecurityDescriptorToSecurityDescriptorW: (
    text: string,
    revision: number,
    descriptor: Uint8Array,
    byteLength: Uint8Array
  ) => number
}

/** @internal */
export const advapi32: () => Advapi32 = lazily(() => {
  const library = koffi().load("advapi32.dll")
  const name = "ConvertStringSecurityDescriptorToSecurityDescriptorW"
  const parameters = ["str16", "uint32_t", "void *", "void *"]
  return { [name]: library.func("__stdcall", name, "int", parameters) as unknown as Advapi32[typeof name] }
})
