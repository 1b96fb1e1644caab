/**
 * A proactor over epoll.
 *
 * Epoll tells when a call would not block; a proactor tells when it is over. This one makes the call itself when the
 * time has come (see `EpollSocket`), so that above it there is no difference.
 *
 * Lifecycle. One epoll instance and one fiber (see `CompletionLoop`) serve all sockets. A socket is registered when an
 * operation of it first has to wait, under the index and generation of its slot: an event that was queued for a closed
 * socket finds its slot in another generation, and is dropped. When the scope closes, sockets that are still open
 * lose what they have in flight and are closed, and files are waited for; then the fiber ends; then the epoll instance is
 * closed.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { AddressFamily } from "../../Address/index.js"
import { familyNumber } from "../../Address/index.js"
import * as C from "../../Epoll/Constants.js"
import { EpollWaiter } from "../../Epoll/EpollWaiter.js"
import { interfaceIndex } from "../../Epoll/Interfaces.js"
import { type Libc, libc } from "../../Epoll/Libc.js"
import { closed, fromErrno, type SocketError, unsupported } from "../../Errors/index.js"
import * as CompletionLoop from "../CompletionLoop.js"
import type { ProactorDatagramSocket } from "../Datagram.js"
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
import { internetDomain } from "./Domain.js"
import type { EpollHost, Registrant } from "./EpollDescriptor.js"
import { openDirectory } from "./EpollDirectory.js"
import { EpollFiles } from "./EpollFiles.js"
import { EpollSignal } from "./EpollSignal.js"
import { EpollSocket } from "./EpollSocket.js"
import { type DatagramTools, EpollUdpSocket } from "./EpollUdpSocket.js"
import { EpollUnixSocket } from "./EpollUnixSocket.js"
import { Gather } from "./Gather.js"
import { ReceiveBatch } from "./ReceiveBatch.js"
import { SendBatch } from "./SendBatch.js"

/** Never: Node's event loop looks at no great cost, and what comes meanwhile makes the next batch larger. */
const LARGE_BATCH = Number.POSITIVE_INFINITY

const one = new Int32Array([1])
const zero = new Int32Array([0])

const makeDatagramTools = (): DatagramTools => ({
  receiving: new ReceiveBatch(),
  sending: new SendBatch(),
  addresses: { IPv4: new SockaddrCache("linux", "IPv4"), IPv6: new SockaddrCache("linux", "IPv6") }
})

const READING = C.EPOLLIN | C.EPOLLPRI | C.EPOLLRDHUP | C.EPOLLET

const interest = (asksForRoom: boolean): number => (asksForRoom ? READING | C.EPOLLOUT : READING)

const registered = (code: number): SocketError | undefined =>
  code === 0 ? undefined : fromErrno(code, { operation: "register", syscall: "epoll_ctl" })

class EpollProactor implements ProactorService, EpollHost, CompletionLoop.CompletionSource {
  readonly name = "epoll"
  readonly largeBatch = LARGE_BATCH
  readonly isPolledWhileParked = true
  readonly ledger = new Ledger()
  isClosed = false
  private readonly system: Libc
  private readonly waiter: EpollWaiter
  private readonly sockets = new SlotTable<Registrant>()
  private readonly files = new EpollFiles(this.ledger, (operation) => this.retiredElsewhere(operation))
  private batch: Array<Operation> = []
  /** How much the batch holds so far. */
  private batchShare = 0
  /** Have something parked that was not tried. */
  private untried: Array<Registrant> = []
  private loop: CompletionLoop.CompletionLoop | undefined
  private gathering: Gather | undefined
  /** Made when the first UDP socket is opened. */
  private datagramTools: DatagramTools | undefined

  constructor(system: Libc, waiter: EpollWaiter) {
    this.system = system
    this.waiter = waiter
  }

  get statistics(): Effect.Effect<ProactorStatistics> {
    return Effect.sync(() => this.ledger.statistics(this.sockets.size + this.files.size))
  }

  openTcp(family: AddressFamily): Effect.Effect<ProactorSocket, SocketError> {
    return this.opened(familyNumber(family, "linux"), C.SOCK_STREAM, C.IPPROTO_TCP, (fd) => {
      // A restarted server may bind its port again while old connections linger in TIME_WAIT.
      this.setFlag(fd, C.SOL_SOCKET, C.SO_REUSEADDR, one)
      // A listening socket hands this on to those it accepts.
      this.setFlag(fd, C.IPPROTO_TCP, C.TCP_NODELAY, one)
      // An IPv6 socket serves IPv4 too (as mapped addresses), whatever the system's default is.
      if (family === "IPv6") this.setFlag(fd, C.IPPROTO_IPV6, C.IPV6_V6ONLY, zero)
      return new EpollSocket(this, fd, internetDomain[family])
    })
  }

  openUdp(family: AddressFamily): Effect.Effect<ProactorDatagramSocket, SocketError> {
    return this.opened(familyNumber(family, "linux"), C.SOCK_DGRAM, C.IPPROTO_UDP, (fd) => {
      if (family === "IPv6") this.setFlag(fd, C.IPPROTO_IPV6, C.IPV6_V6ONLY, zero)
      this.datagramTools ??= makeDatagramTools()
      return new EpollUdpSocket(this, fd, family, this.datagramTools)
    })
  }

  readonly pipes = Effect.failSync(() => unsupported("namedPipe", "named pipes are Windows': use Unix here"))

  get openUnix(): Effect.Effect<ProactorUnixSocket, SocketError> {
    return this.opened(C.AF_UNIX, C.SOCK_STREAM, 0, (fd) => new EpollUnixSocket(this, fd))
  }

  get gather(): Gather {
    this.gathering ??= new Gather(this.system)
    return this.gathering
  }

  interfaceIndex(name: string): Effect.Effect<number, SocketError> {
    return interfaceIndex(name)
  }

  openFile(opening: FileOpening): Effect.Effect<ProactorFile, SocketError> {
    return this.files.openFile(opening)
  }

  openDirectory(path: string, isRecursive: boolean): Effect.Effect<ProactorDirectory, SocketError> {
    return Effect.suspend(() =>
      this.isClosed ? Effect.fail(closed("watch", path)) : openDirectory(this, path, isRecursive)
    )
  }

  get openSignal(): Effect.Effect<ProactorSignal, SocketError> {
    return Effect.suspend(() => {
      if (this.isClosed) return Effect.fail(closed("openSignal"))
      const fd = this.system.eventfd(0, C.EFD_NONBLOCK | C.EFD_CLOEXEC)
      if (fd >= 0) return Effect.succeed(new EpollSignal(this, fd))
      return Effect.fail(fromErrno(this.system.errno(), { operation: "openSignal", syscall: "eventfd" }))
    })
  }

  admit(descriptor: Registrant): void {
    descriptor.slot = this.sockets.acquire(descriptor)
  }

  forget(socket: Registrant): void {
    this.sockets.release(socket.slot)
  }

  register(slot: number, fd: number, asksForRoom: boolean): SocketError | undefined {
    return registered(this.waiter.add(fd, interest(asksForRoom), slot, this.sockets.generation(slot)))
  }

  registerAgain(slot: number, fd: number, asksForRoom: boolean): SocketError | undefined {
    return registered(this.waiter.modify(fd, interest(asksForRoom), slot, this.sockets.generation(slot)))
  }

  unregister(fd: number): void {
    // The descriptor is registered and open, so this cannot fail; were it to, closing it removes it as well.
    this.waiter.remove(fd)
  }

  parked(): void {
    this.loop?.notify()
  }

  postponed(socket: Registrant): void {
    if (this.untried.length === 0) setImmediate(() => this.retryAll())
    this.untried.push(socket)
  }

  cancelled(): void {
    this.loop?.relax()
  }

  retired(operation: Operation, share: number): void {
    this.batch.push(operation)
    this.batchShare += share
  }

  /** Whether anything waits for epoll. What threads have comes back by itself. */
  hasWork(): boolean {
    return this.ledger.inFlight > this.files.inFlight
  }

  poll(): number {
    this.batchShare = 0
    const count = this.waiter.poll()
    for (let index = 0; index < count; index++) {
      const socket = this.sockets.find(this.waiter.dataLow(index), this.waiter.dataHigh(index))
      socket?.onEvents(this.waiter.events(index))
    }
    return this.batchShare
  }

  deliver(): void {
    const batch = this.batch
    if (batch.length === 0) return
    this.batch = []
    for (const operation of batch) operation.onRetired()
  }

  park(wake: () => void): void {
    this.waiter.park(wake)
  }

  unpark(): void {
    this.waiter.unpark()
  }

  /** A stream socket as its owner has it. */
  private opened<A>(
    family: number,
    kind: number,
    protocol: number,
    own: (fd: number) => A
  ): Effect.Effect<A, SocketError> {
    return Effect.suspend(() => {
      if (this.isClosed) return Effect.fail(closed("socket"))
      const fd = this.system.socket(family, kind | C.SOCK_NONBLOCK | C.SOCK_CLOEXEC, protocol)
      if (fd >= 0) return Effect.succeed(own(fd))
      return Effect.fail(fromErrno(this.system.errno(), { operation: "socket", syscall: "socket" }))
    })
  }

  /** In a step of the event loop's own. */
  private retiredElsewhere(operation: Operation): void {
    this.batch.push(operation)
    collecting(() => this.deliver())
  }

  private retryAll(): void {
    const { untried } = this
    this.untried = []
    for (const socket of untried) socket.retry()
    collecting(() => this.deliver())
  }

  attach(loop: CompletionLoop.CompletionLoop): void {
    this.loop = loop
  }

  /** Ends what a careless owner left open: cancels it, which is immediate but for files, and closes it. */
  get end(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.shutDown()
      return this.files.ended
    })
  }

  private shutDown(): void {
    this.isClosed = true
    for (const socket of this.sockets.tenants()) socket.close()
    this.gathering?.free()
    this.datagramTools?.receiving.free()
    this.datagramTools?.sending.free()
    this.files.shutDown()
  }

  private setFlag(fd: number, level: number, name: number, value: Int32Array): void {
    // These options exist on every such socket; were one refused, the socket would still do its work.
    this.system.setsockopt(fd, level, name, value, value.byteLength)
  }
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<ProactorService, SocketError, Scope.Scope> = Effect.gen(function* () {
  const waiter = yield* EpollWaiter.make
  const proactor = new EpollProactor(libc(), waiter)
  proactor.attach(yield* CompletionLoop.make(proactor))
  yield* Effect.addFinalizer(() => proactor.end)
  return proactor
})
