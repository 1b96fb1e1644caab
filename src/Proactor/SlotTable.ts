/**
 * A table of slots that are used again and again, each with a generation.
 *
 * What is handed to the kernel is a slot's index and its generation, never a descriptor or a handle: those numbers
 * are reused at once. Releasing a slot moves its generation on, so that an event which was queued for the previous
 * tenant finds nobody home.
 *
 * @since 0.1.0
 */

const GENERATIONS = 2 ** 31

interface Slot<A> {
  generation: number
  tenant: A | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export class SlotTable<A> {
  private readonly slots: Array<Slot<A>> = []
  private readonly free: Array<number> = []
  private occupied = 0

  /** How many slots have a tenant. */
  get size(): number {
    return this.occupied
  }

  /** Gives the tenant a slot, and answers its index. */
  acquire(tenant: A): number {
    this.occupied += 1
    const reused = this.free.pop()
    const slot = reused === undefined ? undefined : this.slots[reused]
    if (reused === undefined || slot === undefined) return this.slots.push({ generation: 0, tenant }) - 1
    slot.tenant = tenant
    return reused
  }

  /** The generation that the slot is in now: 0 to 2^31 - 1. */
  generation(index: number): number {
    return this.slots[index]?.generation ?? 0
  }

  /** The slot's tenant, if the slot is still in that generation. */
  find(index: number, generation: number): A | undefined {
    const slot = this.slots[index]
    return slot !== undefined && slot.generation === generation ? slot.tenant : undefined
  }

  /** Ends a tenancy: whoever still holds the index and the old generation finds nothing from now on. */
  release(index: number): void {
    const slot = this.slots[index]
    if (slot?.tenant === undefined) return
    slot.tenant = undefined
    slot.generation = (slot.generation + 1) % GENERATIONS
    this.occupied -= 1
    this.free.push(index)
  }

  /** Every tenant, in the order of the slots. */
  tenants(): ReadonlyArray<A> {
    return this.slots.flatMap((slot) => (slot.tenant === undefined ? [] : [slot.tenant]))
  }
}
