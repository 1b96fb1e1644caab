/**
 * The bridges from connections to what programs have already: sockets of `@effect/platform`, streams of Node.
 *
 * `HttpServer` and `HttpClient` have subpaths of their own, because they need the package `@effect/platform-node`.
 *
 * @since 0.1.0
 */
export * as Messages from "./Messages.js"
export * as NodeConnection from "./NodeConnection.js"
export * as NodeDuplex from "./NodeDuplex.js"
export * as Socket from "./Socket.js"
export * as SocketServer from "./SocketServer.js"
export * as Tls from "./Tls.js"
