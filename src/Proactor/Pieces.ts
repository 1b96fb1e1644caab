/**
 * Several pieces of bytes that go out as one, and how far that has come.
 *
 * A cursor over pieces that are somebody else's: it copies none of them. It stands in the piece that is next, at the byte
 * that is next, and passes over pieces that are empty.
 *
 * @since 0.1.0
 */

const noBytes = new Uint8Array(0)

/**
 * @since 0.1.0
 * @category models
 */
export class Pieces {
  /** How many bytes all of them are. */
  readonly byteLength: number
  /** How many bytes are left. */
  bytesLeft: number
  /** Where the next byte is, in the piece that is next. */
  offset = 0
  private readonly all: ReadonlyArray<Uint8Array>
  private index = 0

  /** The list is the cursor's from here on; the pieces stay whose they are. */
  constructor(pieces: ReadonlyArray<Uint8Array>) {
    let byteLength = 0
    for (const piece of pieces) byteLength += piece.length
    this.all = pieces
    this.byteLength = byteLength
    this.bytesLeft = byteLength
    this.skipEmpty()
  }

  /** The piece that is next; empty at the end. */
  get current(): Uint8Array {
    return this.all[this.index] ?? noBytes
  }

  /** How many pieces are left, the one that is next included. */
  get left(): number {
    return this.all.length - this.index
  }

  /** One of those that are left: `at(0)` is the one that is next. */
  at(place: number): Uint8Array {
    return this.all[this.index + place] ?? noBytes
  }

  /** Passes over the next `count` bytes. */
  advance(count: number): void {
    // Most often all of it has left.
    if (count === this.bytesLeft) {
      this.index = this.all.length
      this.offset = 0
      this.bytesLeft = 0
      return
    }
    let rest = count
    while (rest > 0 && this.index < this.all.length) {
      const step = Math.min(rest, this.current.length - this.offset)
      this.offset += step
      rest -= step
      this.bytesLeft -= step
      this.skipEmpty()
    }
  }

  /** Copies the next bytes, as many as `target` has room for, and answers how many; the cursor stays. */
  copyTo(target: Uint8Array): number {
    let filled = 0
    for (let place = 0; place < this.left && filled < target.length; place++) {
      const piece = this.at(place)
      const from = place === 0 ? this.offset : 0
      const length = Math.min(piece.length - from, target.length - filled)
      target.set(length === piece.length ? piece : piece.subarray(from, from + length), filled)
      filled += length
    }
    return filled
  }

  /** The next bytes, `most` at most, as a copy; the cursor stays. */
  copy(most: number): Uint8Array {
    const bytes = new Uint8Array(Math.min(most, this.bytesLeft))
    const length = this.copyTo(bytes)
    return length === bytes.length ? bytes : bytes.subarray(0, length)
  }

  private skipEmpty(): void {
    while (this.index < this.all.length && this.offset >= this.current.length) {
      this.index += 1
      this.offset = 0
    }
  }
}
