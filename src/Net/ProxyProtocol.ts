/**
 * The PROXY protocol: what a proxy says about its client, before the client's first byte
 * (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt, versions 1 and 2).
 *
 * Whoever may send the header can be whomever it likes. So nothing here listens to it by itself: `serve` takes it from
 * trusted addresses only, and from those it has to come.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { parseRanges } from "../Address/Cidr.js"
import { invalidArgument, NetworkError, type SocketError, type TimeoutError } from "../Errors/index.js"
import { type Connection, StreamConnection, type TimeoutOptions } from "./Connection.js"
import * as Header from "./internal/ProxyHeader.js"
import type { Listener } from "./Listener.js"
import type { ServeOptions } from "./Serving.js"

export type { Endpoints, Extension, ProxyHeader } from "./internal/ProxyHeader.js"

/**
 * @since 0.1.0
 * @category options
 */
export interface ProxyOptions {
  /** Whose headers count: addresses, and ranges such as `10.0.0.0/8`. Everybody else is served without. */
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
  connection: Connection,
  options?: TimeoutOptions
): Effect.Effect<Header.ProxyHeader, SocketError | TimeoutError> => {
  if (!(connection instanceof StreamConnection)) {
    return Effect.fail(invalidArgument("ProxyProtocol.read", "the connection is none of Net's"))
  }
  return Effect.flatMap(connection.readFrame(Header.measure, options?.timeout), (found) => {
    const header = Option.isNone(found)
      ? "the stream ended before the PROXY header"
      : Header.decode(found.value.taken)
    return typeof header === "string" ? Effect.fail(invalid(connection, header)) : Effect.succeed(header)
  })
}

const invalid = ({ peer: address }: StreamConnection, advice: string): NetworkError =>
  new NetworkError({ reason: "InvalidData", operation: "ProxyProtocol.read", address, advice })

/**
 * Writes a header: before anything else, as a client of a server that expects one. Fails with `InvalidArgument` if there is
 * no such header (two versions of IP, extensions in version 1), and then nothing is sent.
 *
 * @since 0.1.0
 * @category operations
 */
export const write = (connection: Connection, header: Header.ProxyHeader): Effect.Effect<void, SocketError> =>
  Effect.suspend(() => {
    const encoded = Header.encode(header)
    return typeof encoded === "string"
      ? Effect.fail(invalidArgument("ProxyProtocol.write", encoded))
      : connection.writeAll(encoded)
  })

/**
 * Serves like `listener.serve`, and tells the handler what a trusted proxy says about its client. A trusted address that
 * sends no header, or half of one, is closed, and `onFailure` told. What others send is theirs: no header is looked for.
 *
 * Fails with `InvalidArgument` if `trusted` has something that is no address or range, and like `listener.serve`.
 *
 * @since 0.1.0
 * @category operations
 */
export const serve = <E, R, R2 = never>(
  listener: Listener,
  { headerTimeout = "3 seconds", trusted }: ProxyOptions,
  handler: (
    connection: Connection,
    header: Option.Option<Header.ProxyHeader>
  ) => Effect.Effect<unknown, E, R>,
  serveOptions?: ServeOptions<E | SocketError | TimeoutError, R2>
): Effect.Effect<never, SocketError, R | R2> =>
  Effect.flatMap(parseRanges(trusted), (isTrusted) =>
    listener.serve<E | SocketError | TimeoutError, R, R2>((connection) => {
      if (!isTrusted(connection.remoteAddress.host)) return handler(connection, Option.none())
      return Effect.flatMap(read(connection, { timeout: headerTimeout }), (header) =>
        handler(connection, Option.some(header))
      )
    }, serveOptions)
  )
