/**
 * A Unix socket driven by a completion port, on a Windows that has them (Windows 10 1803 and later).
 *
 * It connects by `connect`, and not by ConnectEx, which is known to write where it should not when it is given a
 * `sockaddr_un`. That call does not wait for the peer to accept: it finds a place in the listener's backlog or is refused.
 * So the operation is over when the call is, and has no packet. Everything else goes the way of TCP.
 *
 * Windows has paths only, no abstract names and no modes: who may connect is a matter of the folder.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { format, isAbstract, type UnixAddress } from "../../Address/index.js"
import { type SocketError, unsupported } from "../../Errors/index.js"
import { winsock } from "../../Iocp/Winsock.js"
import type { ConnectOperation } from "../Operation.js"
import type { PeerCredentials, ProactorUnixSocket } from "../UnixSocket.js"
import { unixDomain } from "./Domain.js"
import type { IocpHost } from "./IocpHost.js"
import { IocpSocket } from "./IocpSocket.js"
import { bindTo, lastFailure } from "./SocketHandle.js"
import type { Start } from "./Start.js"
import { removeStale, unlink } from "./UnixFile.js"

/** @internal */
export class IocpUnixSocket extends IocpSocket<UnixAddress> implements ProactorUnixSocket {
  private unlinkFile: (() => void) | undefined

  constructor(host: IocpHost, handle: number, isConnected: boolean) {
    super(host, handle, unixDomain, isConnected)
  }

  override bind(address: UnixAddress, mode?: number): Effect.Effect<void, SocketError> {
    return mode === undefined
      ? super.bind(address)
      : Effect.fail(unsupported("bind", "Windows' files have no mode: let the folder keep others out"))
  }

  removeStale(address: UnixAddress): Effect.Effect<boolean, SocketError> {
    return isAbstract(address) ? Effect.succeed(false) : removeStale(address)
  }

  readonly peerCredentials: Effect.Effect<PeerCredentials, SocketError> = Effect.fail(
    unsupported("peerCredentials", "Windows does not tell the user at the other end of a Unix socket")
  )

  override close(): void {
    this.unlinkFile?.()
    this.unlinkFile = undefined
    super.close()
  }

  protected override bindHandle(handle: number, address: UnixAddress): SocketError | undefined {
    if (isAbstract(address)) return noAbstractNames("bind")
    const failure = bindTo(handle, this.domain, address, "bind", format(address))
    if (failure === undefined) this.unlinkFile = unlink(address.path)
    return failure
  }

  /** There is no such thing: `connect` does without, and a listener needs a path. */
  protected override bindAnywhere(): undefined {
    return undefined
  }

  protected override startConnect(
    handle: number,
    { address, purpose }: ConnectOperation<UnixAddress>
  ): Start | "Ended" {
    if (isAbstract(address)) return noAbstractNames(purpose)
    const bytes = this.domain.encode(address)
    if (!(bytes instanceof Uint8Array)) return bytes
    if (winsock().connect(handle, bytes, bytes.length) === 0) return "Ended"
    return lastFailure(purpose, "connect", format(address))
  }

  protected override ofAccepted(handle: number): IocpUnixSocket {
    return new IocpUnixSocket(this.host, handle, true)
  }
}

const noAbstractNames = (operation: string): SocketError =>
  unsupported(operation, "Windows has no abstract names for Unix sockets: use a path")
