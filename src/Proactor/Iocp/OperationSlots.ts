/**
 * The one owner of everything that the kernel may still touch: a slot for each operation in flight.
 *
 * Lifecycle of a slot:
 *
 *     Free --acquire--> Busy --release--> Free
 *
 * A busy slot owns a record in foreign memory (the OVERLAPPED, the WSABUF, the flags, AcceptEx's addresses), the
 * buffer that the operation moves, and a reference to the operation and its socket. `release` is called at one of two
 * moments and no other: the operation's packet was dequeued, or the call that was to start it ended and no packet will
 * come, because it failed or, where packets are left out, because it has done everything at once. An interrupted fiber
 * or a closed scope releases nothing.
 *
 * Records lie in slabs, each twice as large as the one before, which never move. So the address that a packet
 * carries leads to its slot by a subtraction and a division, in a handful of slabs, however many operations there
 * are. An address that leads to no busy slot is nobody's: the packet was not made by an operation of this table.
 *
 * @since 0.1.0
 */
import { ForeignMemory } from "../../Foreign/Memory.js"
import { ACCEPTEX_ADDRESS_LENGTH, STATUS_SUCCESS } from "../../Iocp/Constants.js"
import type { AnyOperation } from "../Operation.js"
import type { Buffer } from "./BufferPool.js"

/** Where things are in a record, in bytes. All but the addresses are read and written as 32-bit words. */
const WSABUF = 32
const FLAGS = 48
const TRANSFERRED = 52
const ADDRESSES = 64
const ADDRESSES_BYTES = 2 * ACCEPTEX_ADDRESS_LENGTH
const RECORD_BYTES = 160
const RECORD_WORDS = RECORD_BYTES / 4

const FIRST_SLAB_RECORDS = 64

/**
 * Whom a slot's operation belongs to.
 *
 * @internal
 */
export interface SlotOwner {
  /** The slot's packet was dequeued. */
  readonly complete: (slot: OperationSlot) => void
  readonly cancel: (operation: AnyOperation) => void
}

/** @internal */
export class OperationSlot {
  readonly index: number
  /** Of the record, and so of the OVERLAPPED. */
  readonly address: number
  /** Where AcceptEx puts both addresses. */
  readonly addresses: Uint8Array
  private readonly words: Uint32Array
  private readonly start: number
  operation: AnyOperation | undefined
  owner: SlotOwner | undefined
  /** The completion key under which the packet comes. */
  key = 0
  buffer: Buffer | undefined
  /** The socket that an accept gives to the system to connect; -1 for none. */
  premade = -1
  /** Whether an early retirement was asked for: an accept is not armed again then. */
  isCancelRequested = false

  constructor(index: number, record: number, memory: ForeignMemory, words: Uint32Array) {
    this.index = index
    this.address = memory.address + record * RECORD_BYTES
    this.addresses = memory.bytes.subarray(record * RECORD_BYTES + ADDRESSES).subarray(0, ADDRESSES_BYTES)
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

  get wsabufAddress(): number {
    return this.address + WSABUF
  }

  get flagsAddress(): number {
    return this.address + FLAGS
  }

  get transferredAddress(): number {
    return this.address + TRANSFERRED
  }

  get addressesAddress(): number {
    return this.address + ADDRESSES
  }

  /** Zeroes the OVERLAPPED, the flags and the count, as every call wants them. */
  prepare(): void {
    const { words, start } = this
    for (let word = start; word < start + WSABUF / 4; word++) words[word] = 0
    words[start + FLAGS / 4] = 0
    words[start + TRANSFERRED / 4] = 0
  }

  /** Makes the record of an operation that the call did at once, and that has no packet, read as if that had come. */
  completeAtOnce(): void {
    const { words, start } = this
    words[start] = STATUS_SUCCESS
    words[start + 2] = words[start + TRANSFERRED / 4] ?? 0
  }

  /** Gives the slot a buffer, and makes the WSABUF name its first `length` bytes. */
  hold(buffer: Buffer, length: number): void {
    const at = this.start + WSABUF / 4
    this.buffer = buffer
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

  acquire(operation: AnyOperation, owner: SlotOwner, key: number): OperationSlot {
    const slot = this.free.pop() ?? this.grow()
    slot.operation = operation
    slot.owner = owner
    slot.key = key
    slot.isCancelRequested = false
    return slot
  }

  /** Frees the slot. Its buffer and its pre-made socket are somebody else's by now. */
  release(slot: OperationSlot): void {
    if (slot.operation === undefined) throw new Error("an operation slot was released twice")
    slot.operation = undefined
    slot.owner = undefined
    slot.buffer = undefined
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
