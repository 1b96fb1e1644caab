/**
 * I/O completion ports for Effect.
 *
 * - `Net`: listeners and connections as scoped Effect resources; the same on Windows and Linux.
 * - `Unix`: the same over Unix domain sockets.
 * - `NamedPipe`: the same over named pipes of Windows, and message by message.
 * - `Streams`: connections as streams and sinks; `Framing`: messages with borders on them.
 * - `Udp`: datagrams.
 * - `ProxyProtocol`: who the client of a proxy is.
 * - `Future`: operations that were started and go on by themselves.
 * - `File`: files, also sent over connections; `Directory`: what happens in one.
 * - `ThreadQueue`: queues into the loop from other threads.
 * - `Errors`: `NetworkError`, `ConnectionError`, `TimeoutError`, `FileError`, and the tables behind them.
 * - `Address`: IP addresses and ports, and the addresses of Unix sockets and named pipes.
 * - `Iocp`, `Epoll`: the system layers, usable on their own.
 * - `Proactor`: the contract between `Net` and the system layers.
 *
 * Importing this module loads no foreign library; building a layer, or using `Iocp` or `Epoll`, does.
 *
 * @since 0.1.0
 */
export * as Address from "./Address/index.js"
export * as Epoll from "./Epoll/index.js"
export * as Errors from "./Errors/index.js"
export { ConnectionError, FileError, NetworkError, TimeoutError } from "./Errors/index.js"
export * as Directory from "./File/Directory.js"
export * as File from "./File/index.js"
export * as Iocp from "./Iocp/index.js"
export * as Framing from "./Net/Framing.js"
export * as Future from "./Net/Future.js"
export * as Net from "./Net/index.js"
export * as NamedPipe from "./Net/NamedPipe.js"
export * as ProxyProtocol from "./Net/ProxyProtocol.js"
export * as Streams from "./Net/Streams.js"
export * as Udp from "./Net/Udp.js"
export * as Unix from "./Net/Unix.js"
export * as Proactor from "./Proactor/index.js"
export * as ThreadQueue from "./ThreadQueue/index.js"
