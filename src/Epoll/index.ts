/**
 * The Linux system layer: epoll instances, and descriptors to register with them, usable on its own.
 *
 * Importing it loads no foreign library and works everywhere. What makes something (`make`, `makePipe`,
 * `createTcpSocket`, ...) fails elsewhere than on Linux with a `NetworkError` of the reason `Unsupported`.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Epoll from "effect-iocp/Epoll"
 *
 * const program = Effect.gen(function* () {
 *   const epoll = yield* Epoll.make()
 *   const { reader, writer } = yield* Epoll.makePipe
 *   yield* Epoll.register(epoll, reader, { readable: true }, 7n)
 *   yield* Epoll.tryWrite(writer, new TextEncoder().encode("hello"))
 *   const event = yield* Epoll.wait(epoll, "1 second")
 *   if (Epoll.isReady(event)) console.log(event.data, event.readable)
 * })
 *
 * Effect.runPromise(Effect.scoped(program))
 * ```
 *
 * @since 0.1.0
 */
export {
  closeDescriptor,
  Descriptor,
  makeEventCounter,
  makePipe,
  type Pipe
} from "./Descriptor.js"
export * from "./Epoll.js"
export {
  type EpollEvent,
  isPosted,
  isReady,
  isWake,
  type PostedEvent,
  type ReadyEvent,
  type WakeEvent
} from "./Event.js"
export { Epoll } from "./Instance.js"
export type { Interest } from "./Interest.js"
export { interfaceIndex } from "./Interfaces.js"
export { type EpollToken, open, PostingEpoll, share } from "./PostingEpoll.js"
export {
  bind,
  createTcpSocket,
  createUdpSocket,
  listen,
  localAddress,
  makeSocketPair,
  remoteAddress,
  type SocketOptions,
  shutdown
} from "./Sockets.js"
export * from "./Transfers.js"
export * from "./Wait.js"
