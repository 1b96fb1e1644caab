/**
 * One OVERLAPPED in foreign memory: the identity of one operation at a time.
 *
 * Lifecycle:
 *
 *     Idle       no operation uses it. It may start one.
 *     InFlight   an operation was started: the system may write to the block and to the buffer at any moment.
 *                Both are held. It stays so until the operation's packet is dequeued, or until the call that
 *                was to start the operation failed without a packet to come.
 *     Freed      its scope closed. If that happened in flight, the operation was cancelled first, its packet
 *                awaited; should the packet never come, the memory is left allocated on purpose.
 *
 * Every OVERLAPPED in flight is in one table by its address, which is where a dequeued packet finds its way
 * back. A posted packet may carry any address, so a packet retires an operation only if the system has
 * written the operation's end into the block: `Internal` is no longer `STATUS_PENDING`.
 *
 * @since 0.1.0
 */
import type { SystemCall } from "../Errors/index.js"
import { ForeignMemory } from "../Foreign/Memory.js"
import type { CompletionPort } from "./CompletionPort.js"
import { STATUS_PENDING } from "./Constants.js"
import type { OverlappedHandle } from "./Handle.js"
import { kernel32 } from "./Kernel32.js"
import {
  ADDRESS_AT,
  ADDRESS_LENGTH_AT,
  BLOCK_BYTES,
  FLAGS_AT,
  OVERLAPPED_BYTES,
  WSABUF_AT
} from "./OverlappedLayout.js"

/**
 * An operation in flight: what it is called, and what it holds on to.
 *
 * @internal
 */
export interface Submission extends SystemCall {
  /** What the operation was started on. */
  readonly target: OverlappedHandle
  /** The socket that AcceptEx fills. */
  readonly accepted?: OverlappedHandle | undefined
  readonly buffer: ForeignMemory | undefined
}

const inFlight = new Map<number, Overlapped>()

/**
 * How many operations are in flight that were started through this layer.
 *
 * @since 0.1.0
 * @category diagnostics
 */
export const operationsInFlight = (): number => inFlight.size

/**
 * Ends the operation at this address, if there is one and the system says that it has ended.
 *
 * @internal
 */
export const retire = (address: number): Submission | undefined => inFlight.get(address)?.retire()

/**
 * An OVERLAPPED. `makeOverlapped` makes one.
 *
 * @since 0.1.0
 * @category models
 */
export class Overlapped {
  /** Where it is: what `Completion.overlapped` tells of this operation. */
  readonly address: number
  private readonly block: ForeignMemory
  /** Good for as long as the block is allocated: while in flight, that is, even after `free`. */
  private readonly view: DataView
  private submission: Submission | undefined

  /** @internal */
  constructor() {
    this.block = ForeignMemory.allocate(BLOCK_BYTES)
    this.address = this.block.address
    this.view = this.block.view
  }

  /** Whether an operation was started with it whose packet has not been dequeued. */
  get isInFlight(): boolean {
    return this.submission !== undefined
  }

  /** Whether its scope has closed. */
  get isFreed(): boolean {
    return this.block.isFreed
  }

  /** The bytes of the OVERLAPPED itself, for `unpackOverlapped`. The system may be writing to them. */
  get bytes(): Uint8Array {
    return this.block.bytes.subarray(0, OVERLAPPED_BYTES)
  }

  /**
   * The port that the packet of the operation in flight comes to.
   *
   * @internal
   */
  get port(): CompletionPort | undefined {
    return this.submission?.target.port
  }

  /**
   * Asks for the end of the operation in flight.
   *
   * @internal
   */
  cancel(): void {
    // It fails with ERROR_NOT_FOUND when the operation has ended by now: its packet is on its way then.
    if (this.submission !== undefined) kernel32().CancelIoEx(this.submission.target.handle, this.address)
  }

  /** @internal */
  get flagsAddress(): number {
    return this.address + FLAGS_AT
  }

  /** @internal */
  get bufferAddress(): number {
    return this.address + WSABUF_AT
  }

  /** @internal */
  get nameAddress(): number {
    return this.address + ADDRESS_AT
  }

  /** @internal */
  get nameLengthAddress(): number {
    return this.address + ADDRESS_LENGTH_AT
  }

  /**
   * What the system wrote behind the OVERLAPPED: a sockaddr, or AcceptEx's two.
   *
   * @internal
   */
  get nameBytes(): Uint8Array {
    return this.block.bytes.subarray(ADDRESS_AT)
  }

  /**
   * Whether the failed call has left a warning rather than an error: then a packet comes all the same.
   *
   * @internal
   */
  get postsDespiteFailure(): boolean {
    return this.view.getUint32(0, true) >>> 30 === 2
  }

  /**
   * Goes in flight. Called before the system call, which may complete the operation at once.
   *
   * @internal
   */
  begin(submission: Submission, bufferAddress: number, bufferLength: number, flags: number): void {
    const { view } = this
    this.block.bytes.fill(0, 0, ADDRESS_AT)
    view.setUint32(0, STATUS_PENDING, true)
    view.setUint32(FLAGS_AT, flags, true)
    view.setInt32(ADDRESS_LENGTH_AT, BLOCK_BYTES - ADDRESS_AT, true)
    view.setUint32(WSABUF_AT, bufferLength, true)
    view.setBigUint64(WSABUF_AT + 8, BigInt(bufferAddress), true)
    this.block.hold()
    submission.buffer?.hold()
    submission.target.inFlight.add(this)
    submission.accepted?.inFlight.add(this)
    inFlight.set(this.address, this)
    this.submission = submission
  }

  /**
   * The call failed and no packet comes.
   *
   * @internal
   */
  end(): Submission | undefined {
    const submission = this.submission
    if (submission === undefined) return undefined
    this.submission = undefined
    inFlight.delete(this.address)
    submission.target.inFlight.delete(this)
    submission.accepted?.inFlight.delete(this)
    submission.buffer?.release()
    this.block.release()
    return submission
  }

  /** @internal */
  retire(): Submission | undefined {
    return this.view.getUint32(0, true) === STATUS_PENDING ? undefined : this.end()
  }

  /**
   * Gives the memory back, now or when the operation in flight retires.
   *
   * @internal
   */
  free(): void {
    this.block.free()
  }
}
