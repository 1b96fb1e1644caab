/**
 * Memory for received bytes.
 *
 * A connection that waits for bytes holds no buffer of its own. Bytes arrive in the one scratch buffer of a proactor;
 * who reads them gets memory to keep:
 *
 *   - small pieces are copied, and share a slab, so that a busy server does not allocate a buffer for every few bytes;
 *   - larger ones are copied into memory of their own, so that keeping one does not keep a slab alive;
 *   - one that fills most of the scratch buffer is not copied: it becomes the reader's, and the next bytes arrive in a
 *     new one.
 *
 * @since 0.1.0
 */
import { markAsUntransferable } from "node:worker_threads"

const SLAB_BYTES = 16 * 1024
const LARGEST_SHARED_PIECE = 2 * 1024

/** Not to be transferred to another thread: with one piece all others would go, and the slab. */
const newSlab = (): ArrayBuffer => {
  const made = new ArrayBuffer(SLAB_BYTES)
  markAsUntransferable(made)
  return made
}

let slab = newSlab()
let used = 0

/** Memory that is not zeroed: every byte of it is written before anybody sees it. */
const uninitialized = (byteLength: number): ArrayBufferLike => Buffer.allocUnsafeSlow(byteLength).buffer

const shared = (length: number): Uint8Array => {
  if (used + length > SLAB_BYTES) {
    slab = newSlab()
    used = 0
  }
  const piece = new Uint8Array(slab, used, length)
  used += length
  return piece
}

/**
 * Copies the first `length` bytes of `source` into memory that is the caller's to keep.
 *
 * @internal
 */
export const copyOut = (source: Uint8Array, length: number): Uint8Array => {
  const piece = length > LARGEST_SHARED_PIECE ? new Uint8Array(uninitialized(length)) : shared(length)
  piece.set(length === source.length ? source : source.subarray(0, length))
  return piece
}

/**
 * A buffer to receive into.
 *
 * @internal
 */
export class ScratchBuffer {
  readonly byteLength: number
  private current: Uint8Array | undefined

  constructor(byteLength: number) {
    this.byteLength = byteLength
  }

  /** The memory to receive into now. */
  get bytes(): Uint8Array {
    this.current ??= new Uint8Array(uninitialized(this.byteLength))
    return this.current
  }

  /** The first `length` bytes, which have just arrived, as memory that is the caller's to keep. */
  take(length: number): Uint8Array {
    const { bytes } = this
    if (length * 2 <= this.byteLength) return copyOut(bytes, length)
    this.current = undefined
    return length === bytes.length ? bytes : bytes.subarray(0, length)
  }
}
