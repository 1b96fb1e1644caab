/**
 * Several pieces of bytes that go out as one, and how far that has come.
 *
 * A cursor over pieces that are somebody else's: it copies none of them. It stands in the piece that is next, at the byte
 * that is next. Pieces that are empty are none.
 *
 * How long each piece is, is noted at the beginning. A piece whose length is another one later has lost its memory, or some
 * of it: its buffer was transferred, or resized. Nothing from such a piece on is sent; what comes before it is.
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
  /** Of each piece, as it was at the beginning. */
  private readonly lengths: ReadonlyArray<number>
  private index = 0

  /** The list stays the caller's, as the pieces do. */
  constructor(pieces: ReadonlyArray<Uint8Array>) {
    const all: Array<Uint8Array> = []
    const lengths: Array<number> = []
    let byteLength = 0
    for (const piece of pieces) {
      const { length } = piece
      if (length === 0) continue
      byteLength += length
      all.push(piece)
      lengths.push(length)
    }
    this.all = all
    this.lengths = lengths
    this.byteLength = byteLength
    this.bytesLeft = byteLength
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

  /** Whether one of those that are left is not what it was at the beginning, or there is none at that place. */
  isGone(place: number): boolean {
    const length = this.lengths[this.index + place]
    return length === undefined || this.at(place).length !== length
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
    this.offset += count
    this.bytesLeft -= count
    while (this.index < this.all.length && this.offset >= this.length) {
      this.offset -= this.length
      this.index += 1
    }
  }

  /**
   * Copies the next bytes, as many as `target` has room for and are before a piece that is gone, and answers how many; the
   * cursor stays.
   */
  copyTo(target: Uint8Array): number {
    let filled = 0
    for (let place = 0; filled < target.length && !this.isGone(place); place++) {
      const piece = this.at(place)
      const from = place === 0 ? this.offset : 0
      const length = Math.min(piece.length - from, target.length - filled)
      target.set(length === piece.length ? piece : piece.subarray(from, from + length), filled)
      filled += length
    }
    return filled
  }

  /** The next bytes, `most` at most, as a copy; fewer before a piece that is gone; the cursor stays. */
  copy(most: number): Uint8Array {
    const bytes = new Uint8Array(Math.min(most, this.bytesLeft))
    const length = this.copyTo(bytes)
    return length === bytes.length ? bytes : bytes.subarray(0, length)
  }

  /** Of the piece that is next. */
  private get length(): number {
    return this.lengths[this.index] ?? 0
  }
}
