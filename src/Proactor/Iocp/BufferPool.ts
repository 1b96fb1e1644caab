/**
 * Foreign buffers that the kernel reads and writes, used again and again.
 *
 * Two sizes: most transfers are small, and a waiting receive should pin little; a stream at full speed wants
 * larger pieces. Buffers that come back are kept for the next operation, the one that came back last first, since
 * its bytes are still in the processor's cache. Of each size only so many are kept; what a burst needed beyond that
 * goes back to the C heap.
 *
 * @since 0.1.0
 */
import { ForeignMemory } from "../../Foreign/Memory.js"

/**
 * What a waiting receive pins, and what most transfers fit into.
 *
 * @internal
 */
export const SMALL_BUFFER_BYTES = 16 * 1024

/**
 * The most that one operation on a stream moves.
 *
 * @internal
 */
export const LARGE_BUFFER_BYTES = 64 * 1024

/** How many bytes of free buffers are kept, of each size. */
const KEPT_BYTES = 4 * 1024 * 1024

const TWO_TO_32 = 0x1_0000_0000

/** @internal */
export class Buffer {
  readonly bytes: Uint8Array
  /** The address in the halves in which a structure takes it. */
  readonly addressLow: number
  readonly addressHigh: number
  private readonly memory: ForeignMemory

  constructor(byteLength: number) {
    this.memory = ForeignMemory.allocate(byteLength)
    this.bytes = this.memory.bytes
    this.addressLow = this.memory.address % TWO_TO_32
    this.addressHigh = Math.floor(this.memory.address / TWO_TO_32)
  }

  get address(): number {
    return this.memory.address
  }

  get byteLength(): number {
    return this.memory.byteLength
  }

  free(): void {
    this.memory.free()
  }
}

/** @internal */
export class BufferPool {
  private readonly small: Array<Buffer> = []
  private readonly large: Array<Buffer> = []
  private isEnded = false

  /** A buffer with room for `byteLength` bytes. One of more than `LARGE_BUFFER_BYTES`, for a message, is made anew each time. */
  acquire(byteLength: number): Buffer {
    if (byteLength > LARGE_BUFFER_BYTES) return new Buffer(byteLength)
    return byteLength <= SMALL_BUFFER_BYTES
      ? (this.small.pop() ?? new Buffer(SMALL_BUFFER_BYTES))
      : (this.large.pop() ?? new Buffer(LARGE_BUFFER_BYTES))
  }

  /** Takes a buffer back. No operation of the kernel's may name it any more. */
  release(buffer: Buffer): void {
    const { byteLength } = buffer
    const kept = byteLength === SMALL_BUFFER_BYTES ? this.small : this.large
    const isTooMuch = byteLength > LARGE_BUFFER_BYTES || kept.length * byteLength >= KEPT_BYTES
    if (this.isEnded || isTooMuch) buffer.free()
    else kept.push(buffer)
  }

  /** Frees every buffer that is here. One that an operation still holds is not, and is freed when it comes back. */
  end(): void {
    this.isEnded = true
    for (const buffer of this.small.splice(0)) buffer.free()
    for (const buffer of this.large.splice(0)) buffer.free()
  }
}
