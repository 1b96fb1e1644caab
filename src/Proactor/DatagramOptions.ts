/**
 * The options of datagram sockets: how each of them is got and set, whichever proactor the socket is of.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { SocketError } from "../Errors/index.js"
import type {
  DatagramOptionName,
  IntegerOptionName,
  NetworkInterface,
  SocketOptions
} from "./SocketOption.js"

/**
 * What a socket has to do for it.
 *
 * @internal
 */
export interface OptionAccess {
  readonly getInteger: <Name extends IntegerOptionName>(
    name: Name
  ) => Effect.Effect<SocketOptions[Name], SocketError>
  readonly setInteger: <Name extends IntegerOptionName>(
    name: Name,
    value: SocketOptions[Name]
  ) => Effect.Effect<void, SocketError>
  /** What was asked for last. The system tells what it has made of it. */
  readonly multicastInterface: NetworkInterface | undefined
  readonly setMulticastInterface: (wanted: NetworkInterface | undefined) => Effect.Effect<void, SocketError>
}

interface Option<A> {
  readonly get: (socket: OptionAccess) => Effect.Effect<A, SocketError>
  readonly set: (socket: OptionAccess, value: A) => Effect.Effect<void, SocketError>
}

const integer = <Name extends IntegerOptionName>(name: Name): Option<SocketOptions[Name]> => ({
  get: (socket) => socket.getInteger(name),
  set: (socket, value) => socket.setInteger(name, value)
})

/** @internal */
export const datagramOptions: { readonly [Name in DatagramOptionName]: Option<SocketOptions[Name]> } = {
  receiveBufferBytes: integer("receiveBufferBytes"),
  sendBufferBytes: integer("sendBufferBytes"),
  hopLimit: integer("hopLimit"),
  trafficClass: integer("trafficClass"),
  mark: integer("mark"),
  reusePort: integer("reusePort"),
  v6Only: integer("v6Only"),
  reuseAddress: integer("reuseAddress"),
  broadcast: integer("broadcast"),
  multicastHopLimit: integer("multicastHopLimit"),
  multicastLoopback: integer("multicastLoopback"),
  multicastInterface: {
    get: (socket) => Effect.succeed(socket.multicastInterface),
    set: (socket, wanted) => socket.setMulticastInterface(wanted)
  }
}
