export * from "./SocketAddress.js"
