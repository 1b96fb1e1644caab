/**
 * A proactor over an I/O completion port.
 *
 * One port and one fiber (see `CompletionLoop`) serve all handles. What belongs to an operation in flight is owned by
 * its slot (see `OperationSlots`); a packet leads to the slot by the address of its OVERLAPPED, and must come under the
 * completion key that the slot was taken for. That key is the index and the generation of the handle's own slot, so
 * that a packet which is nobody's finds nobody.
 *
 * Lifecycle. It is Open while its scope is. When the scope closes:
 *
 *     Ending    no handle is opened and no operation taken any more. What is in flight is cancelled, and every
 *               handle that was left open is closed as soon as nothing is in flight on it. The fiber goes on until
 *               all packets are here.
 *     Ended     the fiber has ended, the parked call was woken and has returned, and the port is closed. Only then is
 *               foreign memory freed.
 *
 * Cancelled operations end promptly. Should the system nevertheless keep one, its memory is left to it for ever, with
 * a warning: a leak is better than a kernel that writes to memory which is somebody else's by then.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AddressFamily } from "../../Address/index.js"
import { closed, fromWin32, isSocketError, type SocketError, unsupported } from "../../Errors/index.js"
import { INVALID_HANDLE_VALUE } from "../../Iocp/Constants.js"
import { interfaceIndex } from "../../Iocp/Interfaces.js"
import { isSupported, kernel32 } from "../../Iocp/Kernel32.js"
import { PortWaiter } from "../../Iocp/PortWaiter.js"
import * as CompletionLoop from "../CompletionLoop.js"
import type { ProactorDatagramSocket } from "../Datagram.js"
import type { ProactorPipes } from "../NamedPipe.js"
import { Ledger, type Operation } from "../Operation.js"
import type {
  FileOpening,
  ProactorDirectory,
  ProactorFile,
  ProactorService,
  ProactorSignal,
  ProactorSocket,
  ProactorStatistics
} from "../Proactor.js"
import { collecting } from "../ResumptionScheduler.js"
import { SlotTable } from "../SlotTable.js"
import { SockaddrCache } from "../SockaddrCache.js"
import type { ProactorUnixSocket } from "../UnixSocket.js"
import { BufferPool } from "./BufferPool.js"
import { openDirectoryHandle, openFileHandle } from "./FileHandle.js"
import { IocpDirectory } from "./IocpDirectory.js"
import { IocpFile } from "./IocpFile.js"
import type { IocpHandle } from "./IocpHandle.js"
import type { IocpHost } from "./IocpHost.js"
import { IocpPipes } from "./IocpPipes.js"
import { IocpSignals, SIGNAL_MARK, type SignalHost } from "./IocpSignal.js"
import { IocpTcpSocket } from "./IocpTcpSocket.js"
import { IocpUdpSocket } from "./IocpUdpSocket.js"
import { IocpUnixSocket } from "./IocpUnixSocket.js"
import { type OperationSlot, OperationSlots } from "./OperationSlots.js"
import { Providers } from "./Provider.js"
import { closeHandle, openDatagramHandle, openHandle, setDualStack, setNoDelay } from "./SocketHandle.js"

/** Up to so many packets are dequeued at once. */
const BATCH_PACKETS = 128

/** A key is index * 2^31 + generation: exact in a number for up to 2^22 handles at once. */
const GENERATIONS = 2 ** 31

/** How long the packets of cancelled operations are waited for. They are prompt; this is for a broken system. */
const DRAIN_MILLISECONDS = 10_000

class IocpProactor implements ProactorService, IocpHost, SignalHost, CompletionLoop.CompletionSource {
  readonly name = "iocp"
  /** Parking takes a thread of its own: a poll costs less, always. */
  readonly largeBatch = 1
  /** A thread waits at the port then, for what a poll would take away from it. */
  readonly isPolledWhileParked = false
  readonly ledger = new Ledger()
  readonly slots = new OperationSlots()
  readonly buffers = new BufferPool()
  readonly providers: Providers
  isEnding = false
  private readonly waiter: PortWaiter
  private readonly handles = new SlotTable<IocpHandle>()
  private readonly signals = new IocpSignals(this)
  private batch: Array<Operation> = []
  /** Ended in their own call, and to be told of it in the next turn of the event loop. */
  private postponed: Array<Operation> = []
  /** In flight on handles that were given up. */
  private orphans = 0
  /** Of datagrams; made when they are first needed. */
  private readonly addresses = new Map<AddressFamily, SockaddrCache>()
  private loop: CompletionLoop.CompletionLoop | undefined
  private onDrained: () => void = () => {}

  constructor(port: number, providers: Providers) {
    this.waiter = new PortWaiter(port, BATCH_PACKETS)
    this.providers = providers
  }

  get statistics(): Effect.Effect<ProactorStatistics> {
    return Effect.sync(() => this.ledger.statistics(this.handles.size + this.signals.size))
  }

  openTcp(family: AddressFamily): Effect.Effect<ProactorSocket, SocketError> {
    return Effect.suspend(() => {
      const socket = this.isEnding ? closed("socket") : this.open(family)
      return isSocketError(socket) ? Effect.fail(socket) : Effect.succeed(socket)
    })
  }

  get openUnix(): Effect.Effect<ProactorUnixSocket, SocketError> {
    return Effect.suspend(() => {
      const handle = this.isEnding ? closed("socket") : openHandle("Unix", "socket")
      if (typeof handle !== "number") return Effect.fail(handle)
      const socket = new IocpUnixSocket(this, handle, false)
      const failure = this.associate(socket, "socket")
      return failure === undefined ? Effect.succeed(socket) : Effect.fail(failure)
    })
  }

  interfaceIndex(name: string): Effect.Effect<number, SocketError> {
    return interfaceIndex(name)
  }

  openUdp(family: AddressFamily): Effect.Effect<ProactorDatagramSocket, SocketError> {
    return Effect.suspend(() => {
      const socket = this.isEnding ? closed("socket") : this.openDatagrams(family)
      return isSocketError(socket) ? Effect.fail(socket) : Effect.succeed(socket)
    })
  }

  openFile(opening: FileOpening): Effect.Effect<ProactorFile, SocketError> {
    return Effect.uninterruptible(
      Effect.flatMap(this.whileOpen("open", openFileHandle(opening)), (handle) =>
        this.admit(new IocpFile(this, handle), "open")
      )
    )
  }

  openDirectory(path: string, isRecursive: boolean): Effect.Effect<ProactorDirectory, SocketError> {
    return Effect.uninterruptible(
      Effect.flatMap(this.whileOpen("watch", openDirectoryHandle(path)), (handle) =>
        this.admit(new IocpDirectory(this, handle, isRecursive), "watch")
      )
    )
  }

  get openSignal(): Effect.Effect<ProactorSignal, SocketError> {
    return Effect.suspend(() =>
      this.isEnding
        ? Effect.fail(closed("openSignal"))
        : Effect.succeed(this.signals.open(this.waiter.handle))
    )
  }

  readonly pipes: Effect.Effect<ProactorPipes, SocketError> = Effect.sync(() => new IocpPipes(this))

  associate(handle: IocpHandle, operation: string): SocketError | undefined {
    const slot = this.handles.acquire(handle)
    const key = slot * GENERATIONS + this.handles.generation(slot)
    if (handle.associate(this.waiter.handle, slot, key)) return undefined
    const failure = fromWin32(kernel32().GetLastError(), { operation, syscall: "CreateIoCompletionPort" })
    handle.close()
    return failure
  }

  forget(handle: IocpHandle): void {
    this.handles.release(handle.slot)
  }

  orphaned(count: number): void {
    this.orphans += count
    if (this.hasWork()) return
    // These were all: the loop is parked for nothing, and is to look again.
    this.waiter.wake()
    if (this.isDrained) this.onDrained()
  }

  started(): void {
    this.loop?.notify()
  }

  cancelled(): void {
    this.loop?.relax()
    if (this.isDrained) this.onDrained()
  }

  retired(operation: Operation): void {
    this.batch.push(operation)
  }

  post(slot: OperationSlot): void {
    if (kernel32().PostQueuedCompletionStatus(this.waiter.handle, 0, slot.key, slot.address) !== 0) return
    // There is no memory for one packet more: it is dealt with here and now.
    slot.complete()
    collecting(() => this.deliver())
  }

  postpone(operation: Operation): void {
    if (this.postponed.length === 0) setImmediate(() => this.tellPostponed())
    this.postponed.push(operation)
  }

  /** Whether packets are to come. What was postponed has none. */
  hasWork(): boolean {
    return this.ledger.inFlight - this.postponed.length > this.orphans
  }

  poll(): number {
    const { slots, waiter } = this
    const count = waiter.poll()
    for (let index = 0; index < count; index++) {
      const address = waiter.overlapped(index)
      const slot = slots.find(address)
      if (slot !== undefined && slot.key === waiter.key(index)) slot.complete()
      else if (address === SIGNAL_MARK) this.signals.arrived(waiter.key(index))
    }
    return count
  }

  deliver(): void {
    const batch = this.batch
    if (batch.length === 0) return
    this.batch = []
    for (const operation of batch) operation.onRetired()
    if (this.isDrained) this.onDrained()
  }

  park(wake: () => void): void {
    this.waiter.park(wake)
  }

  unpark(): void {
    this.waiter.unpark()
  }

  attach(loop: CompletionLoop.CompletionLoop): void {
    this.loop = loop
  }

  /** Refuses everything new, cancels what is in flight, and lets go of the handles that were left open. */
  shutDown(): void {
    this.isEnding = true
    for (const slot of this.slots.busy()) {
      if (slot.operation !== undefined) slot.owner?.cancel(slot.operation)
    }
    // A handle with something in flight is closed by its last packet.
    for (const handle of this.handles.tenants()) handle.close()
    this.signals.closeAll()
  }

  /** Waits until nothing is in flight: `true`; or for a time that is long enough: `false`. */
  get drained(): Effect.Effect<boolean> {
    return Effect.async((resume) => {
      if (this.isDrained) return resume(Effect.succeed(true))
      // The system's time, not the program's: under a test's clock no time passes.
      const timer = setTimeout(() => resume(Effect.succeed(false)), DRAIN_MILLISECONDS)
      this.onDrained = () => {
        clearTimeout(timer)
        resume(Effect.succeed(true))
      }
    })
  }

  /** Closes the port, after the call that is parked on it has returned. */
  get closePort(): Effect.Effect<void> {
    return Effect.async((resume) => this.waiter.close(() => resume(Effect.void)))
  }

  /** Frees all memory but that of operations which are still in flight. */
  freeMemory(): void {
    this.buffers.end()
    this.slots.end()
  }

  /** Whether nothing is in flight any more that anybody waits for. */
  private get isDrained(): boolean {
    return this.ledger.inFlight <= this.orphans
  }

  private whileOpen<A>(
    operation: string,
    effect: Effect.Effect<A, SocketError>
  ): Effect.Effect<A, SocketError> {
    return Effect.suspend(() => (this.isEnding ? Effect.fail(closed(operation)) : effect))
  }

  /** Takes in a handle that a thread has opened; if the proactor has ended meanwhile, it is closed. */
  private admit<H extends IocpHandle>(handle: H, operation: string): Effect.Effect<H, SocketError> {
    return Effect.suspend(() => {
      const failure = this.associate(handle, operation) ?? (this.isEnding ? closed(operation) : undefined)
      if (failure === undefined) return Effect.succeed(handle)
      handle.close()
      return Effect.fail(failure)
    })
  }

  private tellPostponed(): void {
    const { postponed } = this
    this.postponed = []
    for (const operation of postponed) {
      operation.finish()
      this.batch.push(operation)
    }
    collecting(() => this.deliver())
  }

  private open(family: AddressFamily): IocpTcpSocket | SocketError {
    const handle = openHandle(family, "socket")
    if (typeof handle !== "number") return handle
    const failure =
      setNoDelay(handle, "socket") ?? (family === "IPv6" ? setDualStack(handle, "socket") : undefined)
    if (failure !== undefined) {
      closeHandle(handle)
      return failure
    }
    const socket = new IocpTcpSocket(this, handle, family, false)
    return this.associate(socket, "socket") ?? socket
  }

  private openDatagrams(family: AddressFamily): IocpUdpSocket | SocketError {
    const handle = openDatagramHandle(family, "socket")
    if (typeof handle !== "number") return handle
    const failure = family === "IPv6" ? setDualStack(handle, "socket") : undefined
    if (failure !== undefined) {
      closeHandle(handle)
      return failure
    }
    const addresses = this.addresses.get(family) ?? new SockaddrCache("win32", family)
    this.addresses.set(family, addresses)
    const socket = new IocpUdpSocket(this, handle, family, addresses)
    return this.associate(socket, "socket") ?? socket
  }
}

const openPort = (mayLeavePacketsOut: boolean): Effect.Effect<IocpProactor, SocketError> =>
  Effect.suspend(() => {
    if (!isSupported)
      return Effect.fail(unsupported("proactor", "completion ports are Windows': use epoll here"))
    // One thread at a time runs on what it dequeues: this one.
    const port = kernel32().CreateIoCompletionPort(INVALID_HANDLE_VALUE, 0, 0, 1)
    if (port !== 0) return Effect.succeed(new IocpProactor(port, new Providers(mayLeavePacketsOut)))
    const call = { operation: "proactor", syscall: "CreateIoCompletionPort" }
    return Effect.fail(fromWin32(kernel32().GetLastError(), call))
  })

const closePort = (proactor: IocpProactor): Effect.Effect<void> =>
  Effect.zipRight(
    proactor.closePort,
    Effect.sync(() => proactor.freeMemory())
  )

const drain = (proactor: IocpProactor): Effect.Effect<void> =>
  Effect.suspend(() => {
    proactor.shutDown()
    return Effect.flatMap(proactor.drained, (isDrained) => {
      if (isDrained) return Effect.void
      const count = proactor.ledger.inFlight
      return Effect.logWarning(
        `${count} operations did not end; their sockets and memory are leaked on purpose`
      )
    })
  })

const started = (mayLeavePacketsOut: boolean): Effect.Effect<ProactorService, SocketError, Scope.Scope> =>
  Effect.gen(function* () {
    const proactor = yield* Effect.acquireRelease(openPort(mayLeavePacketsOut), closePort)
    proactor.attach(yield* CompletionLoop.make(proactor))
    // Runs first of the three: the fiber is still there, and brings the packets.
    yield* Effect.addFinalizer(() => drain(proactor))
    return proactor
  })

/**
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<ProactorService, SocketError, Scope.Scope> = started(true)

/**
 * One whose every operation that was started has its packet, as it is where the provider is not the system's own.
 *
 * @internal
 */
export const makeWithEveryPacket: Effect.Effect<ProactorService, SocketError, Scope.Scope> = started(false)
