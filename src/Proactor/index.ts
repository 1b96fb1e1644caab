/**
 * The proactor contract, and its implementations as layers.
 *
 * This is the one place that asks which platform it runs on.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type SocketError, unsupported } from "../Errors/index.js"
import * as EpollProactor from "./Epoll/EpollProactor.js"
import * as IocpProactor from "./Iocp/IocpProactor.js"
import { Proactor } from "./Proactor.js"

export * from "./Datagram.js"
export type { DirectoryChange } from "./DirectoryChange.js"
export * from "./FileOperation.js"
export * from "./NamedPipe.js"
export * from "./Operation.js"
export * from "./Proactor.js"
export * from "./Signal.js"
export {
  type DatagramOptionName,
  type DatagramSocketOptions,
  isDatagramOptionName,
  isSocketOptionName,
  type NetworkInterface,
  type SocketOptionName,
  type SocketOptions,
  type StreamSocketOptions
} from "./SocketOption.js"
export type { PeerCredentials, ProactorUnixSocket } from "./UnixSocket.js"

/**
 * A proactor over epoll (Linux).
 *
 * @since 0.1.0
 * @category layers
 */
export const layerEpoll: Layer.Layer<Proactor, SocketError> = Layer.scoped(Proactor, EpollProactor.make)

/**
 * A proactor over I/O completion ports (Windows).
 *
 * @since 0.1.0
 * @category layers
 */
export const layerIocp: Layer.Layer<Proactor, SocketError> = Layer.scoped(Proactor, IocpProactor.make)

/**
 * The proactor of this platform.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Proactor, SocketError> = Layer.unwrapEffect(
  Effect.suspend(() => {
    switch (process.platform) {
      case "win32":
        return Effect.succeed(layerIocp)
      case "linux":
        return Effect.succeed(layerEpoll)
      default:
        return Effect.fail(
          unsupported("layer", `there is no proactor for ${process.platform}: use Windows or Linux`)
        )
    }
  })
)
