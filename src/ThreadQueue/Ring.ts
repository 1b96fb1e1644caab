/**
 * The room between one sender and the receiver: a ring of bytes in shared memory, with one writer and one reader.
 *
 * An entry is a header (how many bytes, the value, the key) and its bytes, padded to a multiple of 8; the ring's end may come
 * anywhere in it. Two counters say what is in the ring: `tail`, which the writer moves, and `head`, which the reader moves.
 * Both only ever grow, modulo 2^32.
 *
 *     written  the bytes are copied behind the tail, where the reader does not look.
 *     there    the tail moves past them, in one step: now the entry is in the queue, whole.
 *     taken    the reader has copied it out, and the head moves past it, in one step: now the writer may use the place again.
 *
 * So a writer that is terminated in the middle has put nothing in, and has damaged nothing: nobody else ever writes to its
 * ring, and what it had put in before is there.
 *
 * A writer that finds no room says how much it needs (`expectRoom`), looks once more, and waits for the word `ROOM` to
 * change. The reader, whenever it has made room, looks whether that much is there now, and changes the word if so. Each side
 * first says, then looks: whichever is later sees what the other has said.
 *
 * A ring is also where the two agree whether it is in use:
 *
 *     Offered --claim--> Claimed --finish--> Finished        by whoever sends: a ring has one sender, and once only
 *        |                  |                   |
 *        +------------------+-------------------+--close--> Closed        by whoever receives
 *
 * Pure: shared memory, and nothing of the system's.
 *
 * @since 0.1.0
 */
import type { Entry } from "./Entry.js"

/** The words of the control block. What the one writes is not in a cache line with what the other writes. */
const HEAD = 0
const ROOM = 1
const TAIL = 16
const NEEDED = 17
const STATE = 32
const CONTROL_BYTES = 192

const OFFERED = 0
const CLAIMED = 1
const FINISHED = 2
const CLOSED = 3

/** Where things are in a header. */
const LENGTH_AT = 0
const VALUE_AT = 4
const KEY_AT = 8

/** @internal */
export const HEADER_BYTES = 16

/** @internal */
export const LEAST_CAPACITY = 1024

/** @internal */
export const LARGEST_CAPACITY = 2 ** 28

const isPowerOfTwo = (value: number): boolean => (value & (value - 1)) === 0

/**
 * How much of a ring an entry with so many bytes takes.
 *
 * @internal
 */
export const spaceOf = (byteLength: number): number => HEADER_BYTES + Math.ceil(byteLength / 8) * 8

/**
 * The memory of a ring with room for so many bytes, rounded up to a power of two.
 *
 * @internal
 */
export const ringMemory = (capacityBytes: number): SharedArrayBuffer =>
  new SharedArrayBuffer(CONTROL_BYTES + 2 ** Math.ceil(Math.log2(capacityBytes)))

/**
 * Whether something that came from elsewhere is the memory of a ring.
 *
 * @internal
 */
export const isRingMemory = (memory: unknown): memory is SharedArrayBuffer => {
  if (!(memory instanceof SharedArrayBuffer)) return false
  const capacity = memory.byteLength - CONTROL_BYTES
  return capacity >= LEAST_CAPACITY && capacity <= LARGEST_CAPACITY && isPowerOfTwo(capacity)
}

const noBytes = new Uint8Array(0)

/** @internal */
export class Ring {
  readonly memory: SharedArrayBuffer
  /** How many bytes it has room for, headers included. */
  readonly capacity: number
  private readonly control: Int32Array
  private readonly bytes: Uint8Array
  private readonly view: DataView

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory
    this.capacity = memory.byteLength - CONTROL_BYTES
    this.control = new Int32Array(memory, 0, CONTROL_BYTES / Int32Array.BYTES_PER_ELEMENT)
    this.bytes = new Uint8Array(memory, CONTROL_BYTES)
    this.view = new DataView(memory, CONTROL_BYTES)
  }

  /** How much of it is in use. */
  get used(): number {
    return (Atomics.load(this.control, TAIL) - Atomics.load(this.control, HEAD)) >>> 0
  }

  get isEmpty(): boolean {
    return this.used === 0
  }

  get isClosed(): boolean {
    return Atomics.load(this.control, STATE) === CLOSED
  }

  // The writer's.

  /** Makes the caller the one writer. `false` if there was one, or it is closed. */
  claim(): boolean {
    return Atomics.compareExchange(this.control, STATE, OFFERED, CLAIMED) === OFFERED
  }

  /** Nothing more is written. */
  finish(): void {
    Atomics.compareExchange(this.control, STATE, CLAIMED, FINISHED)
  }

  /** Puts an entry in, all of it. `false`, and nothing is done, if there is no room for it now. */
  write({ bytes, key, value }: Entry): boolean {
    const space = spaceOf(bytes.length)
    if (space > this.capacity - this.used) return false
    const tail = Atomics.load(this.control, TAIL)
    const { view } = this
    view.setUint32(this.at(tail + LENGTH_AT), bytes.length, true)
    view.setUint32(this.at(tail + VALUE_AT), value, true)
    view.setBigUint64(this.at(tail + KEY_AT), key, true)
    if (bytes.length > 0) this.copyIn(tail + HEADER_BYTES, bytes)
    Atomics.store(this.control, TAIL, (tail + space) | 0)
    return true
  }

  /**
   * Announces that so much room is needed, and answers what `whenRoom` is to be given. In between the writer looks once more:
   * whether there is room by now, and whether the ring is closed.
   */
  expectRoom(space: number): number {
    const seen = Atomics.load(this.control, ROOM)
    Atomics.store(this.control, NEEDED, space)
    return seen
  }

  /** Whether something has happened since `expectRoom` that is worth another look. */
  hasRoomSince(seen: number): boolean {
    return Atomics.load(this.control, ROOM) !== seen
  }

  /** Waits for that, without blocking the thread, and without keeping it alive. */
  whenRoom(seen: number): ReturnType<typeof Atomics.waitAsync> {
    return Atomics.waitAsync(this.control, ROOM, seen)
  }

  // The reader's.

  /** Takes the oldest entry out; `undefined` if there is none. The writer may have to be told of the room: `tellOfRoom`. */
  read(): Entry | undefined {
    if (this.isEmpty) return undefined
    const head = Atomics.load(this.control, HEAD)
    const { view } = this
    const length = view.getUint32(this.at(head + LENGTH_AT), true)
    const entry = {
      key: view.getBigUint64(this.at(head + KEY_AT), true),
      value: view.getUint32(this.at(head + VALUE_AT), true),
      bytes: length === 0 ? noBytes : this.copyOut(head + HEADER_BYTES, length)
    }
    Atomics.store(this.control, HEAD, (head + spaceOf(length)) | 0)
    return entry
  }

  /** Wakes the writer, if it waits for room and there is as much as it needs. */
  tellOfRoom(): void {
    const needed = Atomics.load(this.control, NEEDED)
    if (needed !== 0 && needed <= this.capacity - this.used) this.tell()
  }

  /** Nothing more is taken in. What is in it can still be read. */
  close(): void {
    Atomics.store(this.control, STATE, CLOSED)
    this.tell()
  }

  private tell(): void {
    Atomics.store(this.control, NEEDED, 0)
    Atomics.add(this.control, ROOM, 1)
    Atomics.notify(this.control, ROOM)
  }

  /** Where in the ring a counter points. */
  private at(counter: number): number {
    return counter & (this.capacity - 1)
  }

  private copyIn(counter: number, bytes: Uint8Array): void {
    const start = this.at(counter)
    const untilEnd = this.capacity - start
    if (bytes.length <= untilEnd) {
      this.bytes.set(bytes, start)
    } else {
      this.bytes.set(bytes.subarray(0, untilEnd), start)
      this.bytes.set(bytes.subarray(untilEnd), 0)
    }
  }

  private copyOut(counter: number, length: number): Uint8Array {
    const start = this.at(counter)
    const untilEnd = this.capacity - start
    const bytes = new Uint8Array(length)
    bytes.set(this.bytes.subarray(start, Math.min(start + length, this.capacity)))
    if (length > untilEnd) bytes.set(this.bytes.subarray(0, length - untilEnd), untilEnd)
    return bytes
  }
}
