/**
 * Memory for received bytes: one scratch buffer to receive into, and copies cut from a slab.
 *
 * A connection that waits for bytes holds no buffer of its own. Bytes arrive in the one scratch buffer of a
 * proactor and are copied out: small pieces share a slab, so that a busy server does not allocate a buffer object
 * for every few bytes; large ones get memory of their own, so that keeping one does not keep a slab alive.
 *
 * @since 0.1.0
 */

const SLAB_BYTES = 16 * 1024
const LARGEST_SHARED_PIECE = 2 * 1024

let slab = new ArrayBuffer(SLAB_BYTES)
let used = 0

/**
 * Copies the first `length` bytes of `source` into memory that is the caller's to keep.
 *
 * @internal
 */
export const copyOut = (source: Uint8Array, length: number): Uint8Array => {
  if (length > LARGEST_SHARED_PIECE) return source.slice(0, length)
  if (used + length > SLAB_BYTES) {
    slab = new ArrayBuffer(SLAB_BYTES)
    used = 0
  }
  const piece = new Uint8Array(slab, used, length)
  used += length
  piece.set(length === source.length ? source : source.subarray(0, length))
  return piece
}
