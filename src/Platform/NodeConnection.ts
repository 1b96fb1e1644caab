/**
 * A Node stream as a connection: everything that `Net` offers (lines, timeouts, interruption that loses nothing,
 * half-close, typed errors) over any Duplex: a `net.Socket`, a `tls.TLSSocket`, a pipe.
 *
 * The stream is the connection's from here on: nobody else is to read it or write to it. `allowHalfOpen` is set, since a
 * connection ends each half when the program says so. Like any connection it is closed with its scope, and that
 * destroys the stream, after it has sent what was written: for that the end of the scope waits, two seconds at most.
 *
 * @since 0.1.0
 */
import type { Duplex } from "node:stream"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { anyAddress, type Endpoint, type SocketAddress } from "../Address/index.js"
import { closed, invalidArgument, type SocketError } from "../Errors/index.js"
import type { AnyConnection, Connection } from "../Net/Connection.js"
import { StreamConnection } from "../Net/internal/StreamConnection.js"
import { DuplexSocket, type Ends, localAddressOf, remoteAddressOf } from "./internal/DuplexSocket.js"

/**
 * How a stream becomes a connection.
 *
 * @since 0.1.0
 * @category options
 */
export interface NodeConnectionOptions<out A extends Endpoint = SocketAddress> {
  /** Whom the connection is with, for a stream that does not say so itself. `0.0.0.0:0` if neither does. */
  readonly remoteAddress?: A | undefined
}

/**
 * Waits until the stream of a closed connection has sent what it had, or has given up on that, and is destroyed.
 *
 * @internal
 */
export const closedDown = (duplex: Duplex): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (duplex.closed) return resume(Effect.void)
    duplex.once("close", () => resume(Effect.void))
  })

/** What a connection cannot be made of. */
const wrongWith = (duplex: Duplex): SocketError | undefined => {
  const operation = "NodeConnection.make"
  if (duplex.destroyed) return closed(operation)
  if (duplex.readableObjectMode || duplex.writableObjectMode) {
    return invalidArgument(operation, "the stream is one of objects, not of bytes")
  }
  if (duplex.readableEncoding !== null) {
    return invalidArgument(operation, "the stream has an encoding and gives text, not bytes")
  }
  return undefined
}

const over = <A extends Endpoint>(
  duplex: Duplex,
  ends: () => Ends<A>
): Effect.Effect<Connection<A>, SocketError, Scope.Scope> =>
  Effect.uninterruptible(
    Effect.flatMap(Effect.scope, (scope) =>
      Effect.suspend(() => {
        const wrong = wrongWith(duplex)
        if (wrong !== undefined) return Effect.fail(wrong)
        const known = ends()
        const connection = new StreamConnection(new DuplexSocket(duplex, known), known.remote)
        // Scopes end in reverse: the connection is closed first.
        return Effect.map(
          Effect.addFinalizer(() => closedDown(duplex)),
          () => connection.adoptInto(scope)
        )
      })
    )
  )

/**
 * A stream as a connection, which is closed with the scope. Of the options of a socket, `noDelay`, `keepAlive` and
 * `lingerSeconds` 0 can be set, as far as the stream has them, and only what was set can be read; everything else is
 * `Unsupported`. A stream over something else than IP says so by `remoteAddress`: its connection has addresses of that kind.
 *
 * Fails with `Closed` if the stream is destroyed, and with `InvalidArgument` if it gives objects or text. A stream that
 * closes without having ended was cut off: that is a `ConnectionError` whose reason is `Reset`.
 *
 * @since 0.1.0
 * @category constructors
 */
export function make<A extends Endpoint>(
  duplex: Duplex,
  options: { readonly remoteAddress: A }
): Effect.Effect<Connection<A>, SocketError, Scope.Scope>
export function make(
  duplex: Duplex,
  options?: NodeConnectionOptions
): Effect.Effect<Connection, SocketError, Scope.Scope>
export function make(
  duplex: Duplex,
  options?: NodeConnectionOptions<Endpoint>
): Effect.Effect<AnyConnection, SocketError, Scope.Scope> {
  const remote = options?.remoteAddress
  if (remote === undefined || remote._tag === "SocketAddress") {
    return over(duplex, () => ({
      remote: remote ?? remoteAddressOf(duplex) ?? anyAddress("IPv4"),
      local: () => localAddressOf(duplex)
    }))
  }
  return over(duplex, () => ({ remote, local: () => undefined }))
}
