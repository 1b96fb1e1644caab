/**
 * The Windows system layer: completion ports, overlapped sockets, named pipes and foreign memory, usable on
 * its own.
 *
 * Importing it loads no foreign library and works everywhere. What makes something (`make`,
 * `createTcpSocket`, `createUdpSocket`, `createNamedPipe`, `openPipe`, `makeOverlapped`) fails elsewhere than on Windows with a
 * `NetworkError` of the reason `Unsupported`.
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Iocp from "effect-iocp/Iocp"
 *
 * const program = Effect.gen(function* () {
 *   const port = yield* Iocp.make()
 *   yield* Iocp.post(port, { key: 7n, bytes: 42 })
 *   const completion = yield* Iocp.waitForCompletion(port, "1 second")
 *   if (Iocp.isSuccess(completion)) console.log(completion.key, completion.bytes)
 * })
 *
 * Effect.runPromise(Effect.scoped(program))
 * ```
 *
 * @since 0.1.0
 */
export { ForeignMemory, foreignBytesInUse, scoped as allocateMemory } from "../Foreign/Memory.js"
export * from "./Completion.js"
export * from "./CompletionKey.js"
export { CompletionPort } from "./CompletionPort.js"
export { OverlappedHandle } from "./Handle.js"
export { interfaceIndex } from "./Interfaces.js"
export * from "./Operations.js"
export { Overlapped, operationsInFlight } from "./Overlapped.js"
export {
  OVERLAPPED_BYTES,
  type OverlappedFields,
  packOverlapped,
  unpackOverlapped
} from "./OverlappedLayout.js"
export { Pipe, type PipeMode } from "./Pipe.js"
export * from "./PipeOperations.js"
export {
  closePipe,
  createNamedPipe,
  disconnectNamedPipe,
  type NamedPipeOptions,
  type OpenPipeOptions,
  openPipe,
  peerProcessId
} from "./Pipes.js"
export {
  associatePipe,
  associateSocket,
  closeHandle,
  make,
  type PortOptions,
  type PostOptions,
  post
} from "./Port.js"
export { open, type PortToken, PostingPort, share } from "./PostingPort.js"
export { Socket } from "./Socket.js"
export {
  bind,
  closeSocket,
  createTcpSocket,
  createUdpSocket,
  listen,
  localAddress,
  remoteAddress,
  type SocketOptions,
  shutdown,
  updateAcceptContext,
  updateConnectContext
} from "./Sockets.js"
export type { Part } from "./Submit.js"
export * from "./Wait.js"
