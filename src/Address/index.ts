/**
 * @since 0.1.0
 */
export * from "./HostPort.js"
export * from "./Ip.js"
export * from "./Sockaddr.js"
export * from "./SocketAddress.js"
