/**
 * Socket options by name, with the type and the unit of each, and how they look as integers.
 *
 * @since 0.1.0
 */

import type { AddressFamily } from "../Address/index.js"

/**
 * A network interface of this host: by an IP address that it has, by its name, or by its index.
 *
 * @since 0.1.0
 * @category models
 */
export type NetworkInterface = string | number

/**
 * The options of a socket, as `getsockopt` and `setsockopt` know them. One that a platform has not is an error there,
 * `NetworkError` `Unsupported`, and never ignored.
 *
 * @since 0.1.0
 * @category models
 */
export interface SocketOptions {
  /** `TCP_NODELAY`: send small writes at once. On by default here. */
  readonly noDelay: boolean
  /** `SO_KEEPALIVE`: probe a silent peer. */
  readonly keepAlive: boolean
  /** `TCP_KEEPIDLE`: seconds of silence before the first probe, 1 to 32767. */
  readonly keepAliveIdleSeconds: number
  /** `TCP_KEEPINTVL`: seconds between probes, 1 to 32767. */
  readonly keepAliveIntervalSeconds: number
  /** `TCP_KEEPCNT`: so many probes without an answer, and the connection is broken (`TimedOut`); 1 to 127. */
  readonly keepAliveCount: number
  /** `SO_LINGER`: seconds that a close may wait for unsent bytes; 0 resets the connection; `undefined` is off. */
  readonly lingerSeconds: number | undefined
  /** `SO_RCVBUF`, in bytes. Linux reports twice what was set. Not of Unix sockets: what was sent is the sender's there. */
  readonly receiveBufferBytes: number
  /** `SO_SNDBUF`, in bytes. Linux reports twice what was set. */
  readonly sendBufferBytes: number
  /**
   * `IP_TTL`, `IPV6_UNICAST_HOPS`: how many routers a packet may pass, 1 to 255. On Linux an IPv6 socket that serves IPv4 as
   * well is given both.
   */
  readonly hopLimit: number
  /**
   * `IP_TOS`, `IPV6_TCLASS`: DSCP in the upper six bits (RFC 2474), 0 to 255; for peers of both versions of IP, like
   * `hopLimit`. Linux; TCP keeps the lower two to itself.
   */
  readonly trafficClass: number
  /** `TCP_USER_TIMEOUT` (RFC 5482): milliseconds that sent bytes may stay unacknowledged; 0 is the system's. Linux. */
  readonly userTimeoutMilliseconds: number
  /** `SO_MARK`: for routing and filtering, 0 to 2^32 - 1. Linux, with `CAP_NET_ADMIN`. */
  readonly mark: number
  /** `SO_REUSEPORT`: several sockets at one address and port share what comes, if each had it on before `bind`. Linux. */
  readonly reusePort: boolean
  /** `IPV6_V6ONLY`: an IPv6 socket that does not serve IPv4 as well; to be set before `bind`. Off by default here. */
  readonly v6Only: boolean
  /**
   * `SO_REUSEADDR`: several sockets at one address and port, if each had it on before `bind`. Each hears the groups that it
   * has joined; what is sent to one host, one of them gets. Off by default. Datagrams.
   */
  readonly reuseAddress: boolean
  /** `SO_BROADCAST`: may send to broadcast addresses, which IPv6 has none of. Off by default. Datagrams. */
  readonly broadcast: boolean
  /**
   * `IP_MULTICAST_TTL`, `IPV6_MULTICAST_HOPS`: how many routers a datagram to a group may pass, 0 to 255; with 0 it stays on
   * this host. 1 by default. Datagrams.
   */
  readonly multicastHopLimit: number
  /**
   * `IP_MULTICAST_LOOP`, `IPV6_MULTICAST_LOOP`: whether this host hears what is sent to a group. On by default. It is the
   * sender's to say; with IPv4 on Windows the receiver's. Datagrams.
   */
  readonly multicastLoopback: boolean
  /**
   * `IP_MULTICAST_IF`, `IPV6_MULTICAST_IF`: by which interface datagrams to groups leave; `undefined` leaves it to the
   * system. Datagrams.
   */
  readonly multicastInterface: NetworkInterface | undefined
}

type OfBoth =
  | "receiveBufferBytes"
  | "sendBufferBytes"
  | "hopLimit"
  | "trafficClass"
  | "mark"
  | "reusePort"
  | "v6Only"

type OfDatagrams =
  | "reuseAddress"
  | "broadcast"
  | "multicastHopLimit"
  | "multicastLoopback"
  | "multicastInterface"

/**
 * The name of an option of stream sockets.
 *
 * @since 0.1.0
 * @category models
 */
export type SocketOptionName = Exclude<keyof SocketOptions, OfDatagrams>

/**
 * The name of an option of datagram sockets.
 *
 * @since 0.1.0
 * @category models
 */
export type DatagramOptionName = OfBoth | OfDatagrams

/** All of them, none of which need be there. */
type AnyOf<Name extends keyof SocketOptions> = {
  readonly [Each in Name]?: SocketOptions[Each] | undefined
}

/**
 * What a stream socket is to have from the start. What is absent, or `undefined`, stays as it is.
 *
 * @since 0.1.0
 * @category options
 */
export interface StreamSocketOptions extends AnyOf<SocketOptionName> {}

/**
 * What a datagram socket is to have from the start. What is absent, or `undefined`, stays as it is.
 *
 * @since 0.1.0
 * @category options
 */
export interface DatagramSocketOptions extends AnyOf<DatagramOptionName> {}

/**
 * The name of an option of any socket that looks like an integer to the system.
 *
 * @internal
 */
export type IntegerOptionName = Exclude<keyof SocketOptions, "multicastInterface">

/**
 * What kind of addresses a socket has.
 *
 * @since 0.1.0
 * @category models
 */
export type SocketFamily = AddressFamily | "Unix"

/**
 * The family's name in the middle of a sentence.
 *
 * @internal
 */
export const withArticle = (family: SocketFamily): string => (family === "Unix" ? "a Unix" : `an ${family}`)

/** `SO_LINGER` is a pair of integers (on or off, seconds); every other option is the second one alone. */
type Integers = readonly [onOff: number, value: number]

const LARGEST_LINGER_SECONDS = 0xffff
const LARGEST_INTEGER = 0x7fffffff

interface Codec<A> {
  /** The integers, or in words what is wrong with the value. */
  readonly encode: (value: A) => Integers | string
  readonly decode: (integers: Integers) => A
}

const isIntegerUpTo = (value: number, largest: number) =>
  Number.isInteger(value) && value >= 0 && value <= largest

const flag = (name: string): Codec<boolean> => ({
  encode: (value) => (typeof value === "boolean" ? [0, value ? 1 : 0] : `${name} is true or false`),
  decode: ([, value]) => value !== 0
})

const byteCount = (name: string): Codec<number> => ({
  encode: (value) =>
    isIntegerUpTo(value, LARGEST_INTEGER) ? [0, value] : `${name} is a whole number of bytes, up to 2^31 - 1`,
  decode: ([, value]) => value
})

const whole = (name: string, least: number, largest: number): Codec<number> => ({
  encode: (value) =>
    Number.isInteger(value) && value >= least && value <= largest
      ? [0, value | 0]
      : `${name} is a whole number, ${least} to ${largest}`,
  // Only of an unsigned one may the first bit be set.
  decode: ([, value]) => (largest > LARGEST_INTEGER ? value >>> 0 : value)
})

const LARGEST_KEEPALIVE_SECONDS = 32_767

type Codecs<Name extends IntegerOptionName> = { readonly [Each in Name]: Codec<SocketOptions[Each]> }

const ofBoth: Codecs<OfBoth> = {
  receiveBufferBytes: byteCount("receiveBufferBytes"),
  sendBufferBytes: byteCount("sendBufferBytes"),
  hopLimit: whole("hopLimit", 1, 255),
  trafficClass: whole("trafficClass", 0, 255),
  mark: whole("mark", 0, 0xffff_ffff),
  reusePort: flag("reusePort"),
  v6Only: flag("v6Only")
}

const ofStreams: Codecs<SocketOptionName> = {
  ...ofBoth,
  noDelay: flag("noDelay"),
  keepAlive: flag("keepAlive"),
  lingerSeconds: {
    encode: (value) => {
      if (value === undefined) return [0, 0]
      if (isIntegerUpTo(value, LARGEST_LINGER_SECONDS)) return [1, value]
      return "lingerSeconds is a whole number of seconds, 0 to 65535, or undefined"
    },
    decode: ([onOff, value]) => (onOff === 0 ? undefined : value)
  },
  keepAliveIdleSeconds: whole("keepAliveIdleSeconds", 1, LARGEST_KEEPALIVE_SECONDS),
  keepAliveIntervalSeconds: whole("keepAliveIntervalSeconds", 1, LARGEST_KEEPALIVE_SECONDS),
  keepAliveCount: whole("keepAliveCount", 1, 127),
  userTimeoutMilliseconds: whole("userTimeoutMilliseconds", 0, LARGEST_INTEGER)
}

const ofDatagrams: Codecs<DatagramOptionName & IntegerOptionName> = {
  ...ofBoth,
  reuseAddress: flag("reuseAddress"),
  broadcast: flag("broadcast"),
  multicastHopLimit: whole("multicastHopLimit", 0, 255),
  multicastLoopback: flag("multicastLoopback")
}

const codecs: Codecs<IntegerOptionName> = { ...ofStreams, ...ofDatagrams }

/**
 * The integers for `setsockopt`, or what is wrong with the value.
 *
 * @internal
 */
export const encodeOption = <Name extends IntegerOptionName>(
  name: Name,
  value: SocketOptions[Name]
): Integers | string => codecs[name].encode(value)

/**
 * What `getsockopt` answered, as a value.
 *
 * @internal
 */
export const decodeOption = <Name extends IntegerOptionName>(
  name: Name,
  integers: Integers
): SocketOptions[Name] => codecs[name].decode(integers)

/**
 * Whether a string names an option of stream sockets.
 *
 * @since 0.1.0
 * @category guards
 */
export const isSocketOptionName = (name: string): name is SocketOptionName => Object.hasOwn(ofStreams, name)

/**
 * Whether a string names an option of datagram sockets.
 *
 * @since 0.1.0
 * @category guards
 */
export const isDatagramOptionName = (name: string): name is DatagramOptionName =>
  name === "multicastInterface" || Object.hasOwn(ofDatagrams, name)
