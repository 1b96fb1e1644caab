/**
 * Bytes that have arrived and that nobody has taken yet, in order.
 *
 * Chunks are kept as they came; taking a whole chunk copies nothing, and a search for a byte resumes where the last
 * one ended, so that a long line that comes in small pieces is looked through once.
 *
 * @since 0.1.0
 */

const noBytes = new Uint8Array(0)

/** @internal */
export class Inbox {
  /** Nearly always there is one chunk at most, so the first has a place of its own. Empty if the inbox is. */
  private first: Uint8Array = noBytes
  private rest: Array<Uint8Array> | undefined
  private bytes = 0
  private changes = 0
  /** How many bytes, counted from the front, are known not to hold `sought`. */
  private searched = 0
  private sought = -1

  get byteLength(): number {
    return this.bytes
  }

  /** Changes whenever bytes are taken: what was found before that may be gone. */
  get version(): number {
    return this.changes
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    if (this.bytes === 0) this.first = chunk
    else this.addToRest(chunk)
    this.bytes += chunk.length
  }

  /** Takes what is there of the first chunk, up to `maxBytes`; empty if the inbox is. */
  takeChunk(maxBytes: number): Uint8Array {
    const { first } = this
    const isWhole = first.length <= maxBytes
    const taken = isWhole ? first : first.subarray(0, maxBytes)
    this.first = isWhole ? (this.rest?.shift() ?? noBytes) : first.subarray(maxBytes)
    this.bytes -= taken.length
    this.searched = Math.max(0, this.searched - taken.length)
    this.changes += 1
    return taken
  }

  /** Takes `length` bytes, which must be there. */
  takeExactly(length: number): Uint8Array {
    if (length <= this.first.length) return this.takeChunk(length)
    const whole = new Uint8Array(length)
    for (let filled = 0; filled < length; ) {
      const chunk = this.takeChunk(length - filled)
      whole.set(chunk, filled)
      filled += chunk.length
    }
    return whole
  }

  /** Takes what is there into the buffers, one after the other, and answers how many bytes fitted. */
  takeInto(buffers: ReadonlyArray<Uint8Array>): number {
    let taken = 0
    for (const buffer of buffers) {
      for (let filled = 0; filled < buffer.length && this.bytes > 0; ) {
        const chunk = this.takeChunk(buffer.length - filled)
        buffer.set(chunk, filled)
        filled += chunk.length
        taken += chunk.length
      }
      if (this.bytes === 0) break
    }
    return taken
  }

  /** The first `length` bytes, which must be there; they stay. */
  peek(length: number): Uint8Array {
    if (length <= this.first.length) return this.first.subarray(0, length)
    const whole = new Uint8Array(length)
    let filled = 0
    for (const chunk of this.chunks()) {
      if (filled === length) break
      const part = chunk.subarray(0, length - filled)
      whole.set(part, filled)
      filled += part.length
    }
    return whole
  }

  /** How many bytes come before the first `byte`; -1 if it is not there (yet). */
  indexOf(byte: number): number {
    if (byte !== this.sought) {
      this.sought = byte
      this.searched = 0
    }
    let start = 0
    for (const chunk of this.chunks()) {
      const from = Math.max(0, this.searched - start)
      const found = from < chunk.length ? chunk.indexOf(byte, from) : -1
      if (found >= 0) {
        this.searched = start + found
        return start + found
      }
      start += chunk.length
    }
    this.searched = start
    return -1
  }

  clear(): void {
    this.first = noBytes
    this.rest = undefined
    this.bytes = 0
    this.searched = 0
    this.changes += 1
  }

  private addToRest(chunk: Uint8Array): void {
    this.rest ??= []
    this.rest.push(chunk)
  }

  private *chunks(): Iterable<Uint8Array> {
    yield this.first
    if (this.rest !== undefined) yield* this.rest
  }
}
