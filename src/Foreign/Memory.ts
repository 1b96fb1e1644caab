/**
 * Foreign memory: bytes outside the JavaScript heap, at an address that does not move.
 *
 * Lifecycle: `allocate` asks the C heap for a block and maps it as an `ArrayBuffer`. The kernel may read or
 * write the block for as long as an operation that names it is in flight, so whoever submitted the operation
 * holds the block until that operation retires, and only then frees it. `free` takes effect once; later calls
 * do nothing. After `free` the views must not be touched, so `bytes` and `view` throw from then on.
 *
 * Where the one who owns a block and the one who submits operations on it are not the same, the latter takes
 * a `hold` for each operation: `free` then lets go of the views at once, and of the memory with the last
 * hold.
 *
 * `foreignBytesInUse` counts what is allocated in this process, so that a test can say "no more than before".
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { koffi } from "./Koffi.js"

let bytesInUse = 0

/**
 * The number of bytes of foreign memory this process holds through this library.
 *
 * @since 0.1.0
 * @category diagnostics
 */
export const foreignBytesInUse = (): number => bytesInUse

/**
 * A block of foreign memory.
 *
 * @since 0.1.0
 * @category models
 */
export class ForeignMemory {
  /** Where the block starts. */
  readonly address: number
  /** How many bytes it has. */
  readonly byteLength: number
  private readonly pointer: unknown
  private mapped: { readonly bytes: Uint8Array; readonly view: DataView } | undefined
  private holds = 0

  private constructor(pointer: unknown, address: number, buffer: ArrayBuffer) {
    this.address = address
    this.byteLength = buffer.byteLength
    this.pointer = pointer
    this.mapped = { bytes: new Uint8Array(buffer), view: new DataView(buffer) }
  }

  /**
   * Allocates `byteLength` zeroed bytes. The caller frees them.
   *
   * @since 0.1.0
   * @category constructors
   */
  static allocate(byteLength: number): ForeignMemory {
    const lib = koffi()
    const pointer: unknown = lib.alloc("uint8_t", byteLength)
    const memory = new ForeignMemory(pointer, Number(lib.address(pointer)), lib.view(pointer, byteLength))
    memory.bytes.fill(0)
    bytesInUse += byteLength
    return memory
  }

  /** The block as bytes. */
  get bytes(): Uint8Array {
    return this.live().bytes
  }

  /** The block as numbers; Windows and Linux structures are little-endian here. */
  get view(): DataView {
    return this.live().view
  }

  /** Whether `free` has been called. */
  get isFreed(): boolean {
    return this.mapped === undefined
  }

  /**
   * Gives the block back, at once or with its last hold. The kernel must have no operation left that names
   * it.
   */
  free(): void {
    if (this.mapped === undefined) return
    this.mapped = undefined
    if (this.holds === 0) this.giveBack()
  }

  /**
   * Keeps the memory, for an operation in flight that names it, until `release`.
   *
   * @internal
   */
  hold(): void {
    this.holds += 1
  }

  /**
   * Ends one hold.
   *
   * @internal
   */
  release(): void {
    this.holds -= 1
    if (this.holds === 0 && this.mapped === undefined) this.giveBack()
  }

  private giveBack(): void {
    bytesInUse -= this.byteLength
    koffi().free(this.pointer)
  }

  private live() {
    if (this.mapped === undefined) throw new Error("foreign memory was used after it was freed")
    return this.mapped
  }
}

/**
 * Allocates a block that is freed when the scope closes.
 *
 * @since 0.1.0
 * @category constructors
 */
export const scoped = (byteLength: number): Effect.Effect<ForeignMemory, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => ForeignMemory.allocate(byteLength)),
    (memory) => Effect.sync(() => memory.free())
  )
