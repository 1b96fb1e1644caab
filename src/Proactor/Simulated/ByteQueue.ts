/**
 * Bytes on their way, in order: a send buffer or a receive buffer.
 *
 * @since 0.1.0
 */

const noBytes = new Uint8Array(0)

/** @internal */
export class ByteQueue {
  private chunks: Array<Uint8Array> = []
  private bytes = 0

  get length(): number {
    return this.bytes
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    this.chunks.push(chunk)
    this.bytes += chunk.length
  }

  /** Takes the first bytes, at most `limit`, without joining chunks. */
  takePiece(limit: number): Uint8Array {
    const first = this.chunks[0]
    if (first === undefined || limit <= 0) return noBytes
    if (first.length <= limit) this.chunks.shift()
    else this.chunks[0] = first.subarray(limit)
    const piece = first.length <= limit ? first : first.subarray(0, limit)
    this.bytes -= piece.length
    return piece
  }

  /** Takes the first `count` bytes; there are so many. */
  take(count: number): Uint8Array {
    const first = this.takePiece(count)
    if (first.length === count) return first
    const whole = new Uint8Array(count)
    whole.set(first)
    for (let filled = first.length; filled < count; ) {
      const piece = this.takePiece(count - filled)
      whole.set(piece, filled)
      filled += piece.length
    }
    return whole
  }

  clear(): void {
    this.chunks = []
    this.bytes = 0
  }
}
