/**
 * Security descriptors: who may do what with something that is being made.
 *
 * Written as text, in Windows' SDDL. `D:P(A;;GA;;;OW)` says: what follows is all there is (`P`), and it allows (`A`)
 * everything (`GA`) to the owner (`OW`).
 *
 * Lifecycle: the text is made a descriptor in foreign memory, with the SECURITY_ATTRIBUTES in front that name it. Both stay
 * for as long as further things are made with them, and are then freed.
 *
 * @since 0.1.0
 */
import { NetworkError, win32Name } from "../Errors/index.js"
import { ForeignMemory } from "../Foreign/Memory.js"
import { advapi32 } from "./Advapi32.js"
import { SDDL_REVISION_1, SIZEOF_SECURITY_ATTRIBUTES } from "./Constants.js"
import { kernel32 } from "./Kernel32.js"

/** Where the descriptor's address is in SECURITY_ATTRIBUTES. What follows it is the inheritance: none. */
const DESCRIPTOR_AT = 8

/** @internal */
export class SecurityAttributes {
  private readonly memory: ForeignMemory

  private constructor(memory: ForeignMemory) {
    this.memory = memory
  }

  /** Those of a descriptor in SDDL, or what is wrong with it. */
  static make(text: string, operation: string): SecurityAttributes | NetworkError {
    if (typeof text !== "string" || text === "" || text.includes("\0")) return refused(operation)
    const address = new BigUint64Array(1)
    const byteLength = new Uint32Array(1)
    const [at, length] = [new Uint8Array(address.buffer), new Uint8Array(byteLength.buffer)]
    const convert = advapi32().ConvertStringSecurityDescriptorToSecurityDescriptorW
    if (convert(text, SDDL_REVISION_1, at, length) === 0) return refused(operation, kernel32().GetLastError())
    const attributes = copied(address[0] ?? 0n, byteLength[0] ?? 0)
    // The memory is the system's own and is freed once only: it has no reason to refuse.
    kernel32().LocalFree(address[0] ?? 0n)
    return new SecurityAttributes(attributes)
  }

  /** The SECURITY_ATTRIBUTES, for the duration of a call. */
  get bytes(): Uint8Array {
    return this.memory.bytes.subarray(0, SIZEOF_SECURITY_ATTRIBUTES)
  }

  free(): void {
    this.memory.free()
  }
}

/** SECURITY_ATTRIBUTES that name the copy of the descriptor behind them. */
const copied = (descriptor: bigint, byteLength: number): ForeignMemory => {
  const memory = ForeignMemory.allocate(SIZEOF_SECURITY_ATTRIBUTES + byteLength)
  memory.view.setUint32(0, SIZEOF_SECURITY_ATTRIBUTES, true)
  memory.view.setBigUint64(DESCRIPTOR_AT, BigInt(memory.address + SIZEOF_SECURITY_ATTRIBUTES), true)
  kernel32().RtlMoveMemory(memory.address + SIZEOF_SECURITY_ATTRIBUTES, descriptor, byteLength)
  return memory
}

const refused = (operation: string, code?: number): NetworkError =>
  new NetworkError({
    operation,
    reason: "InvalidArgument",
    advice: "securityDescriptor is text in SDDL, such as D:P(A;;GA;;;OW)",
    ...(code === undefined
      ? {}
      : {
          syscall: "ConvertStringSecurityDescriptorToSecurityDescriptorW",
          code,
          codeName: win32Name(code)
        })
  })
