/**
 * A stream socket driven by epoll: which calls its operations are. How they wait is `EpollDescriptor`'s.
 *
 * One call is spared. A receive that got less than it asked for has emptied the socket, as epoll(7) says of streams, so
 * the next receive need not be told so: it parks at once, unless there was an event meanwhile. That holds for bytes
 * only. The end of the stream, an error, and urgent data, at whose mark the system cuts a receive short, all announce
 * themselves in an event; from then on every receive begins with the call.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { Endpoint } from "../../Address/index.js"
import * as C from "../../Epoll/Constants.js"
import { SOCKADDR_STORAGE_BYTES } from "../../Epoll/Libc.js"
import type { SocketError } from "../../Errors/index.js"
import type { SendFileOperation } from "../FileOperation.js"
import type {
  AcceptOperation,
  AnyOperation,
  ConnectOperation,
  ReceiveOperation,
  SendOperation
} from "../Operation.js"
import type { Pieces } from "../Pieces.js"
import type { ProactorSocket, ProactorStream, ShutdownHow } from "../Proactor.js"
import { ScratchBuffer } from "../ReceiveMemory.js"
import type { SocketOptionName, SocketOptions } from "../SocketOption.js"
import type { Domain } from "./Domain.js"
import { EpollDescriptor, type EpollHost, READ_EVENTS, wouldBlock } from "./EpollDescriptor.js"
import { EpollFile } from "./EpollFile.js"
import { getOption, setOption } from "./EpollOptions.js"
import { noFile, SEND_FILE_WEIGHT, sendFile } from "./SendFile.js"
import * as Calls from "./SocketCalls.js"

/** The most that one receive takes. */
const SCRATCH_BYTES = 64 * 1024

const scratch = new ScratchBuffer(SCRATCH_BYTES)
const sockaddr = new Uint8Array(SOCKADDR_STORAGE_BYTES)
const sockaddrLength = new Int32Array(1)
const socketError = new Int32Array(1)
const socketErrorLength = new Int32Array(1)

/** After one of these, a short receive does not mean that the socket is empty. */
const LASTING_EVENTS = C.EPOLLPRI | C.EPOLLRDHUP | C.EPOLLHUP | C.EPOLLERR

/** Codes with which `accept(2)` reports the fault of one connection: the next one may be well. */
const isFaultOfOneConnection = (code: number): boolean =>
  code === C.ECONNABORTED || code === C.EPROTO || code === C.EPERM || code === C.EINTR

/** @internal */
export class EpollSocket<A extends Endpoint>
  extends EpollDescriptor<AnyOperation<A>>
  implements ProactorSocket<A>
{
  private readonly domain: Domain<A>
  private isConnected = false
  /** Whether the last receive emptied the socket, and no event has come since. */
  private isDrained = false
  /** Whether a short receive means that the socket is empty. */
  protected drainsShort = true

  constructor(host: EpollHost, fd: number, domain: Domain<A>) {
    super(host, fd)
    this.domain = domain
  }

  bind(address: A): Effect.Effect<void, SocketError> {
    return this.whileOpen("bind", (fd) => Calls.bind(this.system, fd, this.domain, address))
  }

  listen(backlog: number): Effect.Effect<void, SocketError> {
    return this.whileOpen("listen", (fd) => Calls.listen(this.system, fd, backlog))
  }

  shutdown(how: ShutdownHow): Effect.Effect<void, SocketError> {
    return this.whileOpen("shutdown", (fd) => Calls.shutdown(this.system, fd, how))
  }

  get localAddress(): Effect.Effect<A, SocketError> {
    return this.whileOpen("localAddress", (fd) => Calls.localAddress(this.system, fd, this.domain))
  }

  get remoteAddress(): Effect.Effect<A, SocketError> {
    return this.whileOpen("remoteAddress", (fd) => Calls.remoteAddress(this.system, fd, this.domain))
  }

  getOption<Name extends SocketOptionName>(name: Name): Effect.Effect<SocketOptions[Name], SocketError> {
    return this.whileOpen("getOption", (fd) => getOption(this.system, fd, this.domain.family, name))
  }

  setOption<Name extends SocketOptionName>(
    name: Name,
    value: SocketOptions[Name]
  ): Effect.Effect<void, SocketError> {
    return this.whileOpen("setOption", (fd) => setOption(this.system, fd, this.domain.family, name, value))
  }

  protected override isWriting({ kind }: AnyOperation<A>): boolean {
    return kind === "Send" || kind === "SendFile" || kind === "Connect"
  }

  /** TCP tells of room to who found none, and at no other time. */
  protected override get tellsOfRoomUnasked(): boolean {
    return this.domain.family === "Unix"
  }

  /** A connect that was never tried would wait for an event that does not come. */
  protected override mayPostpone({ kind }: AnyOperation<A>): boolean {
    return kind !== "Connect"
  }

  protected override shareOfTurn({ kind }: AnyOperation<A>): number {
    return kind === "SendFile" ? SEND_FILE_WEIGHT : 1
  }

  protected override noticed(events: number): void {
    if ((events & LASTING_EVENTS) !== 0) this.drainsShort = false
    if ((events & READ_EVENTS) !== 0) this.isDrained = false
  }

  protected override start(operation: AnyOperation<A>): boolean {
    switch (operation.kind) {
      case "Receive":
        return this.receive(operation)
      case "Send":
        return this.send(operation)
      case "SendFile":
        return this.sendFile(operation)
      case "Accept":
        return this.accept(operation)
      case "Connect":
        return this.connect(operation)
    }
  }

  protected override resume(operation: AnyOperation<A>): boolean {
    return operation.kind === "Connect" ? this.finishConnect(operation) : this.start(operation)
  }

  /** The socket of a connection that this one has accepted. */
  protected ofAccepted(fd: number): ProactorStream<A> {
    return new EpollSocket(this.host, fd, this.domain)
  }

  /** What a connect(2) that did not succeed means. `true`: the operation is over. */
  protected notConnected(operation: ConnectOperation<A>, code: number): boolean {
    // An interrupted connect goes on in the background, like one in progress (POSIX connect, ERRORS, EINTR).
    if (code === C.EINPROGRESS || code === C.EINTR) return false
    return this.failed(operation, "connect", code)
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
    const { pieces, vanished } = operation
    if (vanished !== undefined) return this.refused(operation, vanished)
    if (pieces !== undefined && pieces.left > 1) return this.gather(operation, pieces)
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

  private gather(operation: SendOperation, pieces: Pieces): boolean {
    for (;;) {
      const count = this.host.gather.send(this.fd, pieces)
      if (count >= 0) {
        operation.sent = count
        return true
      }
      const code = this.system.errno()
      if (wouldBlock(code)) return false
      if (code !== C.EINTR) return this.failed(operation, "sendmsg", code)
    }
  }

  private sendFile(operation: SendFileOperation): boolean {
    const { file, length, position } = operation
    if (!(file instanceof EpollFile)) return this.refused(operation, noFile(operation))
    if (file.descriptor < 0) return this.failed(operation, "sendfile", C.EBADF)
    for (;;) {
      const count = sendFile(this.system, this.fd, file.descriptor, position, length)
      if (count >= 0) {
        operation.sent = count
        return true
      }
      const code = this.system.errno()
      if (wouldBlock(code)) return false
      if (code !== C.EINTR) return this.failed(operation, "sendfile", code)
    }
  }

  private accept(operation: AcceptOperation<A>): boolean {
    for (;;) {
      sockaddrLength[0] = sockaddr.length
      const fd = this.system.accept4(this.fd, sockaddr, sockaddrLength, C.SOCK_NONBLOCK | C.SOCK_CLOEXEC)
      if (fd >= 0) {
        operation.accepted = this.ofAccepted(fd)
        operation.remoteAddress = this.domain.decode(sockaddr, sockaddrLength[0] ?? 0)
        return true
      }
      const code = this.system.errno()
      if (wouldBlock(code)) return false
      if (!isFaultOfOneConnection(code)) return this.failed(operation, "accept4", code)
    }
  }

  private connect(operation: ConnectOperation<A>): boolean {
    const address = this.domain.encode(operation.address)
    if (!(address instanceof Uint8Array)) return this.refused(operation, address)
    // The first connect(2) after one that went on in the background succeeds once more, and means nothing.
    if (this.isConnected) return this.failed(operation, "connect", C.EISCONN)
    if (this.system.connect(this.fd, address, address.length) === 0) return true
    return this.notConnected(operation, this.system.errno())
  }

  private refused(operation: AnyOperation<A>, failure: SocketError): true {
    operation.failure = failure
    return true
  }

  /** How a connect in progress ended. `false`: it has not. */
  private finishConnect(operation: ConnectOperation<A>): boolean {
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
}
