/**
 * The access list that the system keeps of a handle, in SDDL: what of a security descriptor has reached it. Windows only.
 */
import { createRequire } from "node:module"
import type * as Koffi from "koffi"

const DACL_SECURITY_INFORMATION = 4
const SDDL_REVISION_1 = 1

type Get = (handle: number, what: number, into: Uint8Array, length: number, needed: Uint8Array) => number
type Convert = (
  from: Uint8Array,
  revision: number,
  what: number,
  text: Array<string | null>,
  length: null
) => number

const bind = () => {
  const koffi = createRequire(import.meta.url)("koffi") as typeof Koffi
  const library = koffi.load("advapi32.dll")
  const asText = "ConvertSecurityDescriptorToStringSecurityDescriptorW"
  return {
    get: library.func("__stdcall", "GetKernelObjectSecurity", "int", [
      "uintptr_t",
      "uint32_t",
      "void *",
      "uint32_t",
      "void *"
    ]) as unknown as Get,
    convert: library.func("__stdcall", asText, "int", [
      "void *",
      "uint32_t",
      "uint32_t",
      koffi.out("str16 *"),
      "void *"
    ]) as unknown as Convert
  }
}

export const accessListOf = (handle: number): string => {
  const { convert, get } = bind()
  const descriptor = Buffer.alloc(4096)
  if (get(handle, DACL_SECURITY_INFORMATION, descriptor, descriptor.length, Buffer.alloc(4)) === 0)
    throw new Error("GetKernelObjectSecurity failed")
  const text: Array<string | null> = [null]
  if (convert(descriptor, SDDL_REVISION_1, DACL_SECURITY_INFORMATION, text, null) === 0)
    throw new Error("the descriptor has no text")
  return text[0] ?? ""
}
