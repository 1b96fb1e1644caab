/**
 * Completion keys: a socket, what is being done with it and data of one's own, behind a 64-bit number.
 *
 * The system carries a key from `associateSocket` or `post` to the packet and never looks at it. A key made
 * here is the index of a slot (lower 32 bits) and the slot's generation (upper 32 bits). Releasing a key
 * moves the generation on, so that a packet which comes late finds nothing rather than the slot's next
 * tenant. Generations start at 1: small numbers, 0 among them, are never valid keys.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"

/**
 * What a completion key stands for.
 *
 * @since 0.1.0
 * @category models
 */
export interface CompletionKey<Socket = unknown, Data = unknown> {
  readonly socket: Socket
  /** What the packets under this key report: `"accept"`, `"receive"`, ... */
  readonly operation: string
  readonly data: Data
}

interface Slot<A> {
  generation: number
  tenant: A | undefined
}

const GENERATIONS = 2 ** 32

/**
 * The keys of one program or one port.
 *
 * @since 0.1.0
 * @category models
 */
export class CompletionKeys<A = CompletionKey> {
  private readonly slots: Array<Slot<A>> = []
  private readonly free: Array<number> = []

  /** How many keys are registered. */
  get size(): number {
    return this.slots.length - this.free.length
  }

  /** Makes a key that stands for `record` until it is released. */
  register(record: A): bigint {
    const index = this.free.pop() ?? this.slots.length
    const slot = this.slots[index] ?? { generation: 1, tenant: undefined }
    this.slots[index] = slot
    slot.tenant = record
    return (BigInt(slot.generation) << 32n) | BigInt(index)
  }

  /** What the key stands for; `None` for one that was released or never made. */
  find(key: bigint): Option.Option<A> {
    return Option.fromNullable(this.slotOf(key)?.tenant)
  }

  /** Ends the key. `false` if it had ended before. */
  release(key: bigint): boolean {
    const slot = this.slotOf(key)
    if (slot === undefined) return false
    slot.tenant = undefined
    slot.generation = (slot.generation + 1) % GENERATIONS || 1
    this.free.push(Number(key & 0xffff_ffffn))
    return true
  }

  private slotOf(key: bigint): Slot<A> | undefined {
    const slot = this.slots[Number(key & 0xffff_ffffn)]
    return slot?.tenant !== undefined && BigInt(slot.generation) === key >> 32n ? slot : undefined
  }
}

/**
 * A new, empty set of completion keys.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeCompletionKeys = <A = CompletionKey>(): CompletionKeys<A> => new CompletionKeys<A>()
