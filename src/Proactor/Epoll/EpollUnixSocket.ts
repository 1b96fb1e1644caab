/**
 * A Unix socket driven by epoll. It differs from other stream sockets in four things.
 *
 * It has a file, once it is bound to a path: see `UnixFile`. A short receive does not mean that it is empty. And the system
 * hands nothing of a listener's options on to its connections, as it does for TCP; so this does.
 *
 * Its connect is over when the call returns, well or not, but for one case: the listener has no room for one more. A
 * blocking call would wait then; this one answers `EAGAIN`, and there is no event for it that epoll could tell of. So the
 * call is made again after a while, and so on until it is cancelled:
 *
 *     connect --succeeds / fails--> retired
 *       ^  |
 *       |  +--no room--> parked --cancel--> retired (`Cancelled`)
 *       |                  |
 *       +---1, 2, ... 32 ms+
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { isAbstract, type UnixAddress } from "../../Address/index.js"
import * as C from "../../Epoll/Constants.js"
import { errnoName, fromErrno, isSocketError, type SocketError, socketError } from "../../Errors/index.js"
import type { AnyOperation, ConnectOperation } from "../Operation.js"
import type { ProactorStream } from "../Proactor.js"
import type { SocketOptionName, SocketOptions } from "../SocketOption.js"
import type { PeerCredentials, ProactorUnixSocket } from "../UnixSocket.js"
import { unixDomain } from "./Domain.js"
import { type EpollHost, wouldBlock } from "./EpollDescriptor.js"
import { type NativeOption, nativeOption, setNative } from "./EpollOptions.js"
import { EpollSocket } from "./EpollSocket.js"
import { removeStale, restrict, UnixFile } from "./UnixFile.js"

const FIRST_PAUSE_MILLIS = 1
const LONGEST_PAUSE_MILLIS = 32

/** What the kernel says of a user where there is none: -1. */
const NOBODY = 0xffff_ffff

/** `struct ucred`: the process, the user, the group. */
const credentials = new Uint32Array(3)
const credentialsLength = new Int32Array(1)

/** @internal */
export class EpollUnixSocket extends EpollSocket<UnixAddress> implements ProactorUnixSocket {
  private file: UnixFile | undefined
  /** The one option that there is, once it is set: for connections to come. */
  private sendBuffer: NativeOption | undefined
  private pauseMillis = FIRST_PAUSE_MILLIS
  private pause: NodeJS.Timeout | undefined

  constructor(host: EpollHost, fd: number) {
    super(host, fd, unixDomain)
    // A receive ends at what was sent along with a descriptor (`SCM_RIGHTS`), whatever comes after it. The descriptor is
    // not asked for, so the system drops it.
    this.drainsShort = false
  }

  override bind(address: UnixAddress, mode?: number): Effect.Effect<void, SocketError> {
    if (isAbstract(address)) return super.bind(address)
    const restricted = this.whileOpen("bind", (fd) =>
      mode === undefined ? Effect.void : restrict(fd, mode, address.path)
    )
    const owned = Effect.suspend(() => this.own(address, mode))
    return Effect.uninterruptible(Effect.zipRight(Effect.zipRight(restricted, super.bind(address)), owned))
  }

  removeStale(address: UnixAddress): Effect.Effect<boolean, SocketError> {
    return isAbstract(address) ? Effect.succeed(false) : removeStale(this.system, address)
  }

  get peerCredentials(): Effect.Effect<PeerCredentials, SocketError> {
    return this.whileOpen("peerCredentials", (fd) => {
      credentialsLength[0] = credentials.byteLength
      const { getsockopt } = this.system
      const isKnown = getsockopt(fd, C.SOL_SOCKET, C.SO_PEERCRED, credentials, credentialsLength) === 0
      const [processId = 0, userId = NOBODY, groupId = NOBODY] = credentials
      if (isKnown && userId !== NOBODY) return Effect.succeed({ processId, userId, groupId })
      const code = isKnown ? C.ENOTCONN : this.system.errno()
      return Effect.fail(fromErrno(code, { operation: "peerCredentials", syscall: "getsockopt" }))
    })
  }

  override setOption<Name extends SocketOptionName>(
    name: Name,
    value: SocketOptions[Name]
  ): Effect.Effect<void, SocketError> {
    return this.whileOpen("setOption", (fd) => {
      const option = nativeOption("Unix", name, value)
      if (isSocketError(option)) return Effect.fail(option)
      const failure = setNative(this.system, fd, option)
      if (failure !== undefined) return Effect.fail(failure)
      this.sendBuffer = option
      return Effect.void
    })
  }

  override cancel(operation: AnyOperation<UnixAddress>): void {
    if (operation.kind === "Connect") this.stopTrying()
    super.cancel(operation)
  }

  override close(): void {
    this.stopTrying()
    // In this order: the next one to be at this path may be there as soon as the socket is gone.
    this.file?.unlink()
    this.file = undefined
    super.close()
  }

  protected override ofAccepted(fd: number): ProactorStream<UnixAddress> {
    // It was set on the listener, so it can be set: the descriptor is new, and the option takes any value.
    if (this.sendBuffer !== undefined) setNative(this.system, fd, this.sendBuffer)
    return new EpollUnixSocket(this.host, fd)
  }

  protected override resume(operation: AnyOperation<UnixAddress>): boolean {
    return this.start(operation)
  }

  protected override notConnected(operation: ConnectOperation<UnixAddress>, code: number): boolean {
    if (wouldBlock(code)) {
      this.tryLater()
      return false
    }
    if (code !== C.ENOENT) return this.failed(operation, "connect", code)
    // A server that has ended takes its path with it: this is how it looks when nobody listens.
    const { peer: address, purpose } = operation
    const codeName = errnoName(code)
    operation.failure = socketError("Refused", {
      operation: purpose,
      syscall: "connect",
      code,
      codeName,
      address
    })
    return true
  }

  private own({ path }: UnixAddress, mode: number | undefined): Effect.Effect<void, SocketError> {
    return Effect.flatMap(UnixFile.bound(path), (file) => {
      this.file = file
      return mode === undefined ? Effect.void : file.widen(mode)
    })
  }

  private tryLater(): void {
    this.pause ??= setTimeout(() => {
      this.pause = undefined
      this.host.postponed(this)
    }, this.pauseMillis)
    this.pauseMillis = Math.min(this.pauseMillis * 2, LONGEST_PAUSE_MILLIS)
  }

  private stopTrying(): void {
    clearTimeout(this.pause)
    this.pause = undefined
    this.pauseMillis = FIRST_PAUSE_MILLIS
  }
}
