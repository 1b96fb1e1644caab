/**
 * A socket driven by epoll, with the manners of a proactor.
 *
 * Lifecycle. The socket is non-blocking. Every operation starts with the system call itself: most are over at once
 * and never touch epoll. One that would block is parked on its side of the socket, the reading side (receive and
 * accept) or the writing side (send and connect), and the descriptor is registered, once, edge-triggered, for both:
 *
 *     call --succeeds / fails--> retired
 *      |
 *      +--would block--> parked --event--> call again --> retired, or parked still
 *                          |
 *                          +--cancel--> retired (`Cancelled`; nothing had been taken from the kernel)
 *
 * Edge-triggered is safe because the call comes first: whoever parks has just been told "would block", so whatever
 * arrives from then on is a new edge. An event for a side on which nobody is parked cannot come back until something new
 * happens: an idle descriptor cannot spin.
 *
 * A socket whose peer is fast could go on like that for ever, and nobody else would get a turn. So after a number of
 * operations in a row that were over at once, one is parked untried until the event loop has turned.
 *
 * One call is spared. A receive that got less than it asked for has emptied the socket, as epoll(7) says of streams, so
 * the next receive need not be told so: it parks at once, unless there was an event meanwhile. That holds for bytes
 * only. The end of the stream, an error, and urgent data, at whose mark the system cuts a receive short, all announce
 * themselves in an event; from then on every receive begins with the call.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { type AddressFamily, decodeSockaddr, type SocketAddress } from "../../Address/index.js"
import * as C from "../../Epoll/Constants.js"
import { type Libc, libc, SOCKADDR_STORAGE_BYTES } from "../../Epoll/Libc.js"
import { closed, fromErrno, type SocketError } from "../../Errors/index.js"
import type {
  AcceptOperation,
  AnyOperation,
  ConnectOperation,
  Ledger,
  ReceiveOperation,
  SendOperation
} from "../Operation.js"
import type { ProactorSocket, ShutdownHow } from "../Proactor.js"
import { ScratchBuffer } from "../ReceiveMemory.js"
import type { SocketOptionName, SocketOptions } from "../SocketOption.js"
import { getOption, setOption } from "./EpollOptions.js"
import * as Calls from "./SocketCalls.js"

/** The most that one receive takes. */
const SCRATCH_BYTES = 64 * 1024

/** So many operations of a socket are over in the call that submits them, before one waits until others had a turn. */
const AT_ONCE_IN_A_ROW = 64

const scratch = new ScratchBuffer(SCRATCH_BYTES)
const sockaddr = new Uint8Array(SOCKADDR_STORAGE_BYTES)
const sockaddrLength = new Int32Array(1)
const socketError = new Int32Array(1)
const socketErrorLength = new Int32Array(1)

const READ_EVENTS = C.EPOLLIN | C.EPOLLRDHUP | C.EPOLLHUP | C.EPOLLERR
/** After one of these, a short receive does not mean that the socket is empty. */
const LASTING_EVENTS = C.EPOLLPRI | C.EPOLLRDHUP | C.EPOLLHUP | C.EPOLLERR
const WRITE_EVENTS = C.EPOLLOUT | C.EPOLLHUP | C.EPOLLERR

/**
 * What a socket needs of its proactor.
 *
 * @internal
 */
export interface EpollHost {
  readonly ledger: Ledger
  /** Whether the proactor takes no operation any more. */
  readonly isClosed: boolean
  /** Makes the descriptor known to epoll, edge-triggered; answers why that failed, if it did. */
  readonly register: (slot: number, fd: number) => SocketError | undefined
  /** Takes a registration back; the descriptor is still open. */
  readonly unregister: (fd: number) => void
  /** An operation is parked: the loop has something to wait for. */
  readonly parked: () => void
  /** An operation was parked untried: the socket is to try it when timers and other I/O had their turn. */
  readonly postponed: (socket: EpollSocket) => void
  /** A parked operation was cancelled: the loop may have nothing left to wait for. */
  readonly cancelled: () => void
  /** A connection was accepted. */
  readonly adopt: (fd: number, family: AddressFamily) => EpollSocket
  /** An operation retired in an event: its submitter is to be told after the batch. */
  readonly retired: (operation: AnyOperation) => void
  /** The socket is closed. */
  readonly forget: (socket: EpollSocket) => void
}

type ReadingOperation = ReceiveOperation | AcceptOperation
type WritingOperation = SendOperation | ConnectOperation

/** Codes with which `accept(2)` reports the fault of one connection: the next one may be well. */
const isFaultOfOneConnection = (code: number): boolean =>
  code === C.ECONNABORTED || code === C.EPROTO || code === C.EPERM || code === C.EINTR

/** `EWOULDBLOCK` is the same number on Linux. */
const wouldBlock = (code: number): boolean => code === C.EAGAIN

/** @internal */
export class EpollSocket implements ProactorSocket {
  readonly family: AddressFamily
  private readonly host: EpollHost
  private readonly system: Libc
  private fd: number
  /** The proactor's handle on this socket, until it is closed. */
  slot = -1
  private isRegistered = false
  private overAtOnce = 0
  private parkedRead: ReadingOperation | undefined
  /** Only a listening socket has more than one: further accepts, in their order. */
  private moreReads: Array<ReadingOperation> | undefined
  private parkedWrite: WritingOperation | undefined
  private isConnected = false
  /** Whether the last receive emptied the socket, and no event has come since. */
  private isDrained = false
  /** Whether a short receive means that the socket is empty. */
  private drainsShort = true

  constructor(host: EpollHost, fd: number, family: AddressFamily) {
    this.host = host
    this.system = libc()
    this.fd = fd
    this.family = family
  }

  submit(operation: AnyOperation): boolean {
    operation.begin(this.host.ledger)
    if (this.fd < 0 || this.host.isClosed) return this.fail(operation, closed(operation.purpose))
    if (this.overAtOnce >= AT_ONCE_IN_A_ROW && operation.kind !== "Connect") return this.postpone(operation)
    if (!this.start(operation)) return this.park(operation)
    this.overAtOnce += 1
    operation.finish()
    return true
  }

  cancel(operation: AnyOperation): void {
    if (!operation.isInFlight) return
    this.unpark(operation)
    operation.failure = fromErrno(C.ECANCELED, {
      operation: operation.purpose,
      syscall: "epoll_wait"
    })
    operation.finish()
    operation.onRetired()
    this.host.cancelled()
  }

  private cancelAll(): void {
    while (this.parkedRead !== undefined) this.cancel(this.parkedRead)
    if (this.parkedWrite !== undefined) this.cancel(this.parkedWrite)
  }

  /** Tries what is parked. */
  retry(): void {
    this.onEvents(C.EPOLLIN | C.EPOLLOUT)
  }

  /** Called by the proactor for each event on the descriptor. */
  onEvents(events: number): void {
    if ((events & LASTING_EVENTS) !== 0) this.drainsShort = false
    if ((events & READ_EVENTS) !== 0) {
      this.isDrained = false
      this.resumeReads()
    }
    if ((events & WRITE_EVENTS) !== 0) this.resumeWrite()
  }

  close(): void {
    if (this.fd < 0) return
    const fd = this.giveUp()
    // Whoever closes is expected to have cancelled; what was not would wait for ever.
    this.cancelAll()
    // A descriptor is gone after close(2) whatever it answers; an error here concerns bytes the peer will not get.
    this.system.close(fd)
  }

  abandon(): void {
    // Nothing of epoll's can outlive its operation: the kernel holds no buffer. Closing is always right.
    this.close()
  }

  bind(address: SocketAddress): Effect.Effect<void, SocketError> {
    return this.whileOpen("bind", (fd) => Calls.bind(this.system, fd, address))
  }

  listen(backlog: number): Effect.Effect<void, SocketError> {
    return this.whileOpen("listen", (fd) => Calls.listen(this.system, fd, backlog))
  }

  shutdown(how: ShutdownHow): Effect.Effect<void, SocketError> {
    return this.whileOpen("shutdown", (fd) => Calls.shutdown(this.system, fd, how))
  }

  get localAddress(): Effect.Effect<SocketAddress, SocketError> {
    return this.whileOpen("localAddress", (fd) => Calls.localAddress(this.system, fd))
  }

  get remoteAddress(): Effect.Effect<SocketAddress, SocketError> {
    return this.whileOpen("remoteAddress", (fd) => Calls.remoteAddress(this.system, fd))
  }

  getOption<Name extends SocketOptionName>(name: Name): Effect.Effect<SocketOptions[Name], SocketError> {
    return this.whileOpen("getOption", (fd) => getOption(this.system, fd, this.family, name))
  }

  setOption<Name extends SocketOptionName>(
    name: Name,
    value: SocketOptions[Name]
  ): Effect.Effect<void, SocketError> {
    return this.whileOpen("setOption", (fd) => setOption(this.system, fd, this.family, name, value))
  }

  /** A call that is over when it returns. On a closed socket none is made: its number may be somebody else's. */
  private whileOpen<A>(
    operation: string,
    run: (fd: number) => Effect.Effect<A, SocketError>
  ): Effect.Effect<A, SocketError> {
    return Effect.suspend(() => (this.fd < 0 ? Effect.fail(closed(operation)) : run(this.fd)))
  }

  /** Makes the operation's system call. `true`: it is over, well or not. `false`: it would block. */
  private start(operation: AnyOperation): boolean {
    switch (operation.kind) {
      case "Receive":
        return this.receive(operation)
      case "Send":
        return this.send(operation)
      case "Accept":
        return this.accept(operation)
      case "Connect":
        return this.connect(operation)
    }
  }

  private receive(operation: ReceiveOperation): boolean {
    if (this.isDrained) return false
    const length = Math.min(operation.maxBytes, SCRATCH_BYTES)
    for (;;) {
      const count = this.system.recv(this.fd, scratch.bytes, length, C.MSG_DONTWAIT)
      if (count >= 0) {
        this.isDrained = this.drainsShort && count > 0 && count < length
        operation.chunk = scratch.take(count)
        return true
      }
      const code = this.system.errno()
      if (wouldBlock(code)) return false
      if (code !== C.EINTR) return this.failed(operation, "recv", code)
    }
  }

  private send(operation: SendOperation): boolean {
    const rest = operation.offset === 0 ? operation.bytes : operation.bytes.subarray(operation.offset)
    for (;;) {
      const count = this.system.send(this.fd, rest, rest.length, C.MSG_DONTWAIT | C.MSG_NOSIGNAL)
      if (count >= 0) {
        operation.sent = count
        return true
      }
      const code = this.system.errno()
      if (wouldBlock(code)) return false
      if (code !== C.EINTR) return this.failed(operation, "send", code)
    }
  }

  private accept(operation: AcceptOperation): boolean {
    for (;;) {
      sockaddrLength[0] = sockaddr.length
      const fd = this.system.accept4(this.fd, sockaddr, sockaddrLength, C.SOCK_NONBLOCK | C.SOCK_CLOEXEC)
      if (fd >= 0) {
        operation.accepted = this.host.adopt(fd, this.family)
        operation.remoteAddress = decodeSockaddr(sockaddr, "linux")
        return true
      }
      const code = this.system.errno()
      if (wouldBlock(code)) return false
      if (!isFaultOfOneConnection(code)) return this.failed(operation, "accept4", code)
    }
  }

  private connect(operation: ConnectOperation): boolean {
    const address = Calls.encoded(operation.address)
    if (!(address instanceof Uint8Array)) {
      operation.failure = address
      return true
    }
    // The first connect(2) after one that went on in the background succeeds once more, and means nothing.
    if (this.isConnected) return this.failed(operation, "connect", C.EISCONN)
    if (this.system.connect(this.fd, address, address.length) === 0) return true
    const code = this.system.errno()
    // An interrupted connect goes on in the background, like one in progress (POSIX connect, ERRORS, EINTR).
    if (code === C.EINPROGRESS || code === C.EINTR) return false
    return this.failed(operation, "connect", code)
  }

  /** How a connect in progress ended. `false`: it has not. */
  private finishConnect(operation: ConnectOperation): boolean {
    socketErrorLength[0] = 4
    if (this.system.getsockopt(this.fd, C.SOL_SOCKET, C.SO_ERROR, socketError, socketErrorLength) < 0) {
      return this.failed(operation, "getsockopt", this.system.errno())
    }
    const code = socketError[0] ?? 0
    if (code !== 0) return this.failed(operation, "connect", code)
    // No error and no peer: the event was the one that a fresh socket gives at registration.
    sockaddrLength[0] = sockaddr.length
    this.isConnected = this.system.getpeername(this.fd, sockaddr, sockaddrLength) === 0
    return this.isConnected
  }

  private postpone(operation: AnyOperation): boolean {
    const isOver = this.park(operation)
    if (!isOver) this.host.postponed(this)
    return isOver
  }

  private park(operation: AnyOperation): boolean {
    this.overAtOnce = 0
    if (!this.isRegistered) {
      const failure = this.host.register(this.slot, this.fd)
      if (failure !== undefined) return this.fail(operation, failure)
      this.isRegistered = true
    }
    if (operation.kind === "Send" || operation.kind === "Connect") this.parkedWrite = operation
    else this.parkRead(operation)
    this.host.parked()
    return false
  }

  private parkRead(operation: ReadingOperation): void {
    if (this.parkedRead === undefined) {
      this.parkedRead = operation
    } else {
      this.moreReads ??= []
      this.moreReads.push(operation)
    }
  }

  private unpark(operation: AnyOperation): void {
    if (this.parkedWrite === operation) this.parkedWrite = undefined
    else if (this.parkedRead === operation) this.parkedRead = this.moreReads?.shift()
    else this.moreReads = this.moreReads?.filter((parked) => parked !== operation)
  }

  private resumeReads(): void {
    for (;;) {
      const operation = this.parkedRead
      if (operation === undefined || !this.start(operation)) return
      this.parkedRead = this.moreReads?.shift()
      operation.finish()
      this.host.retired(operation)
    }
  }

  private resumeWrite(): void {
    const operation = this.parkedWrite
    if (operation === undefined) return
    const isOver = operation.kind === "Connect" ? this.finishConnect(operation) : this.start(operation)
    if (!isOver) return
    this.parkedWrite = undefined
    operation.finish()
    this.host.retired(operation)
  }

  private fail(operation: AnyOperation, failure: SocketError): true {
    operation.failure = failure
    operation.finish()
    return true
  }

  private failed(operation: AnyOperation, syscall: string, code: number): true {
    const { peer, purpose } = operation
    operation.failure = fromErrno(
      code,
      peer === undefined ? { operation: purpose, syscall } : { operation: purpose, syscall, address: peer }
    )
    return true
  }

  /** Removes the registration first, so that no event can name the descriptor's number once it is somebody else's. */
  private giveUp(): number {
    const fd = this.fd
    if (this.isRegistered) this.host.unregister(fd)
    this.isRegistered = false
    this.fd = -1
    this.host.forget(this)
    return fd
  }
}
