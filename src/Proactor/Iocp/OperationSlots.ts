/**
 * The one owner of everything that the kernel may still touch: a slot for each operation in flight.
 *
 * Lifecycle of a slot:
 *
 *     Free --acquire--> Busy --release--> Free
 *
 * A busy slot owns a record in foreign memory (the OVERLAPPED, the flags, the WSABUFs, the addresses that the system
 * writes), the buffers that the operation moves, and a reference to the operation and its handle. `release` is called
 * at one of two moments and no other: the operation's packet was dequeued, or the call that was to start it ended and no
 * packet will come, because it failed or, where packets are left out, because it has done everything at once. An
 * interrupted fiber or a closed scope releases nothing.
 *
 * Records lie in slabs, each twice as large as the one before, which never move. So the address that a packet
 * carries leads to its slot by a subtraction and a division, in a handful of slabs, however many operations there
 * are. An address that leads to no busy slot is nobody's: the packet was not made by an operation of this table.
 *
 * @since 0.1.0
 */
import { ForeignMemory } from "../../Foreign/Memory.js"
import { SIZEOF_SOCKADDR_STORAGE, SIZEOF_WSABUF, STATUS_SUCCESS } from "../../Iocp/Constants.js"
import type { Operation } from "../Operation.js"
import type { Buffer } from "./BufferPool.js"

/**
 * How many buffers one operation may have.
 *
 * @internal
 */
export const MOST_WSABUFS = 16

/**
 * Where things are in a record, in bytes. All but the addresses are read and written as 32-bit words. What most
 * operations need is in the first 64 bytes.
 */
const OFFSET = 16
const FLAGS = 32
const TRANSFERRED = 36
/** Of the address that the system is to write: how much room there is, then how long it is. */
const ADDRESS_LENGTH = 40
const WSABUFS = 48
const ADDRESSES = WSABUFS + MOST_WSABUFS * SIZEOF_WSABUF
/** One address of any kind with its length kept elsewhere, or two as AcceptEx wants them, up to 128 bytes each. */
const ADDRESSES_BYTES = 2 * SIZEOF_SOCKADDR_STORAGE

/**
 * A multiple of 16, as an OVERLAPPED's alignment wants it.
 *
 * @internal
 */
export const RECORD_BYTES = ADDRESSES + ADDRESSES_BYTES
const RECORD_WORDS = RECORD_BYTES / 4

const FIRST_SLAB_RECORDS = 64

const TWO_TO_32 = 0x1_0000_0000

/**
 * Whom a slot's operation belongs to. `Op`: the operations that it takes. A slot is taken for an operation together
 * with its owner, who takes that one; from then on they stay together, so an owner gets back what it gave.
 *
 * @internal
 */
export interface SlotOwner<Op extends Operation = Operation> {
  /** The packet of the slot's operation was dequeued. */
  complete(operation: Op, slot: OperationSlot): void
  cancel(operation: Operation): void
}

/** @internal */
export class OperationSlot {
  readonly index: number
  /** Of the record, and so of the OVERLAPPED. */
  readonly address: number
  /** Where the system puts addresses: both of a connection (AcceptEx), or a sender's (WSARecvFrom). */
  readonly addresses: Uint8Array
  private readonly words: Uint32Array
  private readonly start: number
  operation: Operation | undefined
  owner: SlotOwner | undefined
  /** The completion key under which the packet comes. */
  key = 0
  /** The first buffer. */
  buffer: Buffer | undefined
  /** Those after the first. */
  readonly furtherBuffers: Array<Buffer> = []
  /** How many WSABUFs are filled in. */
  wsabufCount = 0
  /** The socket that an accept gives to the system to connect; -1 for none. */
  premade = -1
  /** Whether an early retirement was asked for: an accept is not armed again then. */
  isCancelRequested = false

  constructor(index: number, record: number, memory: ForeignMemory, words: Uint32Array) {
    const at = record * RECORD_BYTES
    this.index = index
    this.address = memory.address + at
    this.addresses = memory.bytes.subarray(at + ADDRESSES, at + ADDRESSES + ADDRESSES_BYTES)
    this.words = words
    this.start = record * RECORD_WORDS
  }

  /** How the operation ended, an NTSTATUS: `OVERLAPPED.Internal`. Right once the packet is here. */
  get status(): number {
    return this.words[this.start] ?? 0
  }

  /** How many bytes it moved: `OVERLAPPED.InternalHigh`. */
  get transferred(): number {
    return this.words[this.start + 2] ?? 0
  }

  /** Of the first WSABUF; the others follow. */
  get wsabufAddress(): number {
    return this.address + WSABUFS
  }

  get flagsAddress(): number {
    return this.address + FLAGS
  }

  /** Where a call is to write how many bytes it has moved, if it does everything at once. See `completeAtOnce`. */
  get transferredAddress(): number {
    return this.address + TRANSFERRED
  }

  get addressesAddress(): number {
    return this.address + ADDRESSES
  }

  /** Where the system writes how long the one address is. See `makeRoomForAddress`. */
  get addressLengthAddress(): number {
    return this.address + ADDRESS_LENGTH
  }

  /** How many bytes of `addresses` are the one address. */
  get addressLength(): number {
    return this.words[this.start + ADDRESS_LENGTH / 4] ?? 0
  }

  /** Lets the system write one address to `addresses`: tells it how much room there is. */
  makeRoomForAddress(): void {
    this.words[this.start + ADDRESS_LENGTH / 4] = SIZEOF_SOCKADDR_STORAGE
  }

  /** Zeroes the OVERLAPPED, the flags and the count of bytes, as every call wants them. */
  prepare(): void {
    const { words, start } = this
    for (let word = start; word < start + ADDRESS_LENGTH / 4; word++) words[word] = 0
  }

  /** The same for a call on a file, which begins at that byte: a whole number, not negative and below 2^53. */
  prepareAt(offset: number): void {
    const at = this.start + OFFSET / 4
    this.prepare()
    this.words[at] = offset % TWO_TO_32
    this.words[at + 1] = Math.floor(offset / TWO_TO_32)
  }

  /** The same for a write that goes to the end of a file, wherever that is by then. */
  prepareAtEnd(): void {
    const at = this.start + OFFSET / 4
    this.prepare()
    this.words[at] = 0xffff_ffff
    this.words[at + 1] = 0xffff_ffff
  }

  /** For a call that did everything at once, and has told only in the OVERLAPPED how much that is. */
  countAtOnce(): void {
    this.words[this.start + TRANSFERRED / 4] = this.transferred
  }

  /** Makes the record of an operation that the call did at once, and that has no packet, read as if that had come. */
  completeAtOnce(): void {
    const { words, start } = this
    words[start] = STATUS_SUCCESS
    words[start + 2] = words[start + TRANSFERRED / 4] ?? 0
  }

  /** Its packet was dequeued. */
  complete(): void {
    if (this.operation !== undefined) this.owner?.complete(this.operation, this)
  }

  /** Gives the slot its first buffer, and makes the first WSABUF name its first `length` bytes. */
  hold(buffer: Buffer, length: number): void {
    this.buffer = buffer
    this.wsabufCount = 1
    this.nameIn(0, buffer, length)
  }

  /** Gives the slot one more buffer after the first, and makes the next WSABUF name its first `length` bytes. */
  holdFurther(buffer: Buffer, length: number): void {
    if (this.wsabufCount === MOST_WSABUFS) throw new Error(`an operation has ${MOST_WSABUFS} buffers at most`)
    this.furtherBuffers.push(buffer)
    this.nameIn(this.wsabufCount, buffer, length)
    this.wsabufCount += 1
  }

  private nameIn(wsabuf: number, buffer: Buffer, length: number): void {
    const at = this.start + (WSABUFS + wsabuf * SIZEOF_WSABUF) / 4
    this.words[at] = length
    this.words[at + 2] = buffer.addressLow
    this.words[at + 3] = buffer.addressHigh
  }
}

interface Slab {
  readonly memory: ForeignMemory
  readonly first: number
  readonly byteLength: number
}

/** @internal */
export class OperationSlots {
  private readonly slots: Array<OperationSlot> = []
  private readonly free: Array<OperationSlot> = []
  /** The largest first. */
  private readonly slabs: Array<Slab> = []

  /** How many slots are busy. */
  get size(): number {
    return this.slots.length - this.free.length
  }

  acquire<Op extends Operation>(operation: Op, owner: SlotOwner<Op>, key: number): OperationSlot {
    const slot = this.free.pop() ?? this.grow()
    slot.operation = operation
    slot.owner = owner
    slot.key = key
    slot.isCancelRequested = false
    return slot
  }

  /** Frees the slot. Its buffers and its pre-made socket are somebody else's by now. */
  release(slot: OperationSlot): void {
    if (slot.operation === undefined) throw new Error("an operation slot was released twice")
    slot.operation = undefined
    slot.owner = undefined
    slot.buffer = undefined
    if (slot.wsabufCount > 1) slot.furtherBuffers.length = 0
    slot.wsabufCount = 0
    slot.premade = -1
    this.free.push(slot)
  }

  /** The busy slot with that index. */
  at(index: number): OperationSlot | undefined {
    const slot = this.slots[index]
    return slot?.operation === undefined ? undefined : slot
  }

  /** The busy slot whose OVERLAPPED is at that address. */
  find(address: number): OperationSlot | undefined {
    for (const slab of this.slabs) {
      const offset = address - slab.memory.address
      if (offset < 0 || offset >= slab.byteLength) continue
      return offset % RECORD_BYTES === 0 ? this.at(slab.first + offset / RECORD_BYTES) : undefined
    }
    return undefined
  }

  /** Every busy slot. */
  busy(): ReadonlyArray<OperationSlot> {
    return this.slots.filter((slot) => slot.operation !== undefined)
  }

  /** Frees the slabs in which no slot is busy; the kernel may still write to the others. The table is of no use then. */
  end(): void {
    for (const { memory, first, byteLength } of this.slabs.splice(0)) {
      const slots = this.slots.slice(first, first + byteLength / RECORD_BYTES)
      if (slots.every((slot) => slot.operation === undefined)) memory.free()
    }
    this.free.length = 0
  }

  private grow(): OperationSlot {
    const first = this.slots.length
    const records = Math.max(first, FIRST_SLAB_RECORDS)
    const byteLength = records * RECORD_BYTES
    const memory = ForeignMemory.allocate(byteLength)
    const words = new Uint32Array(memory.bytes.buffer, memory.bytes.byteOffset, byteLength / 4)
    this.slabs.unshift({ memory, first, byteLength })
    for (let record = 0; record < records; record++) {
      this.slots.push(new OperationSlot(first + record, record, memory, words))
    }
    const fresh = this.slots.slice(first)
    const taken = fresh.shift()
    if (taken === undefined) throw new Error("a slab has at least one record")
    // The free slots are a stack: the lowest is to come first.
    this.free.push(...fresh.reverse())
    return taken
  }
}
