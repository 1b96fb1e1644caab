/**
 * The PROXY protocol: what a proxy says about its client, before the client's first byte
 * (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt, versions 1 and 2).
 *
 * Whoever may send the header can be whomever it likes. So nothing here listens to it by itself: `serve` takes it from
 * trusted addresses only, and from those it has to come.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { parseRanges } from "../Address/Cidr.js"
import { type Endpoint, format, type SocketAddress } from "../Address/index.js"
import { invalidArgument, NetworkError, type SocketError, type TimeoutError } from "../Errors/index.js"
import type { AnyConnection, Connection, TimeoutOptions } from "./Connection.js"
import { timedOut } from "./internal/Deadline.js"
import { isList } from "./internal/Lists.js"
import * as Header from "./internal/ProxyHeader.js"
import { StreamConnection } from "./internal/StreamConnection.js"
import type { Listener } from "./Listener.js"
import { type ConnectOptions, connect as connectTo, type Net } from "./Net.js"
import type { ServeOptions } from "./Serving.js"

export type { Endpoints, Extension, ProxyHeader } from "./internal/ProxyHeader.js"

/**
 * @since 0.1.0
 * @category options
 */
export interface ProxyOptions {
  /**
   * Whose headers count: addresses, and ranges such as `10.0.0.0/8`; `unix:` is whoever connects to a Unix socket, which is a
   * matter of its mode. Everybody else is served without.
   */
  readonly trusted: ReadonlyArray<string>
  /** How long the header may take. 3 seconds if absent. */
  readonly headerTimeout?: Duration.DurationInput | undefined
}

/**
 * Reads the header, of either version, and nothing behind it.
 *
 * Fails with `NetworkError` `InvalidData` if there is none, or half of one: then close the connection.
 *
 * @since 0.1.0
 * @category operations
 */
export const read = (
  connection: AnyConnection,
  options?: TimeoutOptions
): Effect.Effect<Header.ProxyHeader, SocketError | TimeoutError> => {
  if (!(connection instanceof StreamConnection)) {
    return Effect.fail(invalidArgument("ProxyProtocol.read", "the connection is none of Net's"))
  }
  const decoded = connection.readFrame(Header.measure, options?.timeout, ({ taken }) => Header.decode(taken))
  return Effect.flatMap(decoded, (found) => {
    const header = Option.getOrElse(found, () => "the stream ended before the PROXY header")
    return typeof header === "string" ? Effect.fail(invalid(connection, header)) : Effect.succeed(header)
  })
}

const invalid = ({ peer: address }: StreamConnection<Endpoint>, advice: string): NetworkError =>
  new NetworkError({ reason: "InvalidData", operation: "ProxyProtocol.read", address, advice })

/**
 * Writes a header: before anything else, to a server that expects one; `connect` does it on a connection of its own. Fails
 * with `InvalidArgument` if there is no such header (two versions of IP, extensions in version 1), and then nothing is sent.
 *
 * @since 0.1.0
 * @category operations
 */
export const write = (
  connection: AnyConnection,
  header: Header.ProxyHeader
): Effect.Effect<void, SocketError> =>
  Effect.suspend(() => {
    const encoded = Header.encode(header)
    return typeof encoded === "string"
      ? Effect.fail(invalidArgument("ProxyProtocol.write", encoded))
      : connection.writeAll(encoded)
  })

/** As nginx has it, for `set_real_ip_from`. */
const UNIX = "unix:"

const trust = (trusted: ReadonlyArray<string>): Effect.Effect<(peer: Endpoint) => boolean, NetworkError> => {
  if (!isList(trusted)) {
    return Effect.fail(invalidArgument("ProxyProtocol.serve", "trusted is a list of addresses and ranges"))
  }
  return Effect.map(
    parseRanges(trusted.filter((entry) => entry !== UNIX)),
    (isTrusted) => (peer: Endpoint) => {
      if (peer._tag === "SocketAddress") return isTrusted(peer.host)
      return peer._tag === "UnixAddress" && trusted.includes(UNIX)
    }
  )
}

/**
 * @since 0.1.0
 * @category options
 */
export interface HeaderOptions {
  /** 2 if absent. */
  readonly version?: 1 | 2 | undefined
  /** For version 2. */
  readonly extensions?: ReadonlyArray<Header.Extension> | undefined
}

/**
 * The header that tells a server with whom `connection` is: for a proxy that accepted it and passes it on. IPv4-mapped
 * addresses (`::ffff:192.0.2.1`), which a listener for both versions of IP sees, are told as IPv4.
 *
 * @since 0.1.0
 * @category constructors
 */
export const headerOf = (
  connection: Connection,
  { extensions = [], version = 2 }: HeaderOptions = {}
): Effect.Effect<Header.ProxyHeader, SocketError> =>
  Effect.map(connection.localAddress, (local) => {
    const source = Header.unmapped(connection.remoteAddress)
    return {
      version,
      endpoints: Option.some({ source, destination: Header.unmapped(local) }),
      extensions
    }
  })

/**
 * @since 0.1.0
 * @category options
 */
export interface ProxyConnectOptions extends ConnectOptions {
  /** What the server is told first. */
  readonly header: Header.ProxyHeader
}

/**
 * Connects like `Net.connect`, to a server that expects a header, and tells it that one before anything else. The timeout
 * covers both.
 *
 * Fails with `InvalidArgument` if there is no such header, before anybody is connected to, and like `Net.connect`.
 *
 * @since 0.1.0
 * @category operations
 */
export const connect = ({
  header,
  ...options
}: ProxyConnectOptions): Effect.Effect<Connection, SocketError | TimeoutError, Net | Scope.Scope> =>
  Effect.suspend(() => {
    const encoded = Header.encode(header)
    if (typeof encoded === "string") return Effect.fail(invalidArgument("ProxyProtocol.connect", encoded))
    return Effect.flatMap(Clock.currentTimeMillis, (startMillis) =>
      Effect.tap(connectTo(options), (connection) =>
        Effect.onError(told(connection, encoded, options.timeout, startMillis), () => connection.close)
      )
    )
  })

/** Writes the header in what is left of the time, which is more than enough: the connection has sent nothing yet. */
const told = (
  connection: Connection,
  header: Uint8Array,
  timeout: Duration.DurationInput | undefined,
  startMillis: number
): Effect.Effect<void, SocketError | TimeoutError> => {
  if (timeout === undefined) return connection.writeAll(header)
  return Effect.flatMap(Clock.currentTimeMillis, (nowMillis) => {
    const left = Duration.subtract(Duration.decode(timeout), Duration.millis(nowMillis - startMillis))
    return Effect.catchTag(connection.writeAll(header, { timeout: left }), "TimeoutError", () =>
      Effect.fail(timedOut("connect", timeout, format(connection.remoteAddress)))
    )
  })
}

/**
 * Serves like `listener.serve`, and tells the handler what a trusted proxy says about its client. A trusted address that
 * sends no header, or half of one, is closed, and `onFailure` told. What others send is theirs: no header is looked for.
 *
 * Fails with `InvalidArgument` if `trusted` has something that is no address or range, and like `listener.serve`.
 *
 * @since 0.1.0
 * @category operations
 */
export const serve = <E, R, R2 = never, A extends Endpoint = SocketAddress>(
  listener: Listener<A>,
  { headerTimeout = "3 seconds", trusted }: ProxyOptions,
  handler: (
    connection: Connection<A>,
    header: Option.Option<Header.ProxyHeader>
  ) => Effect.Effect<unknown, E, R>,
  serveOptions?: ServeOptions<E | SocketError | TimeoutError, R2, A>
): Effect.Effect<never, SocketError, R | R2> =>
  Effect.flatMap(trust(trusted), (isTrusted) =>
    listener.serve<E | SocketError | TimeoutError, R, R2>((connection) => {
      if (!isTrusted(connection.remoteAddress)) return handler(connection, Option.none())
      return Effect.flatMap(read(connection, { timeout: headerTimeout }), (header) =>
        handler(connection, Option.some(header))
      )
    }, serveOptions)
  )
