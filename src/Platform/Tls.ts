/**
 * TLS over connections: for clients, for servers, and for connections that begin in plain text (STARTTLS).
 *
 * A TLS connection is a `Net.Connection`: lines, timeouts, interruption that loses nothing, half-close and everything that
 * is built on connections work on it, and `NodeDuplex.make` makes a stream of it. TLS itself is Node's (`node:tls`, that is
 * OpenSSL), and the options are named as there.
 *
 *     a connection --handshake--> TLS connection --close, or the scope's end--> close_notify --> both closed
 *          |             |
 *          |             +--failed: `TlsError`, `ConnectionError`, `TimeoutError`--> the connection is closed
 *          +--from here on it is TLS's: nobody else is to read from it, write to it, or shut it down
 *
 * **Ends.** `shutdown("write")` sends close_notify and ends that half; reading goes on (RFC 8446, section 6.1), if the
 * peer does its part: some close at once. A peer whose stream ends without close_notify was cut off, maybe by somebody
 * between who wants the rest unread; Node takes that for an end, and here it is a `ConnectionError` whose reason is `Reset`,
 * unless `ignoreUnexpectedEof` is set.
 *
 * **STARTTLS.** Bytes that the connection has received and nobody has read yet are TLS's: they never come out of the TLS
 * connection as if they had been encrypted. So plain text that somebody slipped in behind the command (RFC 3207, section
 * 5) is no danger: it makes the handshake fail with `NotTls`. What the program has already read, or a parser of its
 * own holds, is the program's to drop, along with whatever it believed because of it.
 *
 * **Client certificates.** With TLS 1.3 a client is through with its handshake before the server looks at its certificate.
 * It learns of a refusal when it reads: `ConnectionError` `Reset`, whose cause is the `TlsError` if the server said why.
 *
 * Reading ahead: TLS reads some kilobytes beyond what the program asked for, and no more until it asks again.
 *
 * @since 0.1.0
 */
import type { X509Certificate } from "node:crypto"
import type * as NodeTls from "node:tls"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { Endpoint, SocketAddress } from "../Address/index.js"
import {
  invalidArgument,
  isTimeoutError,
  type SocketError,
  type TimeoutError,
  type TlsError
} from "../Errors/index.js"
import type { Connection } from "../Net/Connection.js"
import { timedOut } from "../Net/internal/Deadline.js"
import type { Listener } from "../Net/Listener.js"
import * as Net from "../Net/Net.js"
import type { ServeOptions } from "../Net/Serving.js"
import { TlsAcceptor } from "./internal/TlsAcceptor.js"
import { clientSide, type Handshake, handshake, serverSide } from "./internal/TlsHandshake.js"
import { badOptions, limitOf } from "./internal/TlsOptions.js"

/**
 * A connection whose bytes are encrypted. What it tells of the handshake stays known after it is closed.
 *
 * @since 0.1.0
 * @category models
 */
export interface TlsConnection<out A extends Endpoint = SocketAddress> extends Connection<A> {
  /** `TLSv1.3`, `TLSv1.2`, ... */
  readonly protocol: string
  /** OpenSSL's name of the cipher suite, and the RFCs'. */
  readonly cipher: NodeTls.CipherNameAndProtocol
  /** What both sides agreed to speak (ALPN, RFC 7301); none if either side did not ask. */
  readonly alpnProtocol: Option.Option<string>
  /** The name that the client asked for (SNI, RFC 6066); none if it asked for none, or for an address. */
  readonly servername: Option.Option<string>
  /** Whether the peer's certificate was checked, and found good. A server that asks for none has no authorized clients. */
  readonly authorized: boolean
  /** Why it is not authorized, where `rejectUnauthorized` is `false` and the certificate is no good. */
  readonly authorizationError: Option.Option<TlsError>
  /** The peer's certificate; none if it is a client that sent none. */
  readonly peerCertificate: Option.Option<X509Certificate>
  /** Whether an earlier session was resumed. */
  readonly isSessionReused: boolean
  /**
   * For a client: the session, to be resumed by giving it as `session` to a later connection with the same server. Since
   * TLS 1.3 the server sends it after the handshake, if it likes to: this waits until it has come, or the connection ended
   * without. A connection that resumed a session gives the newest that it knows, and does not wait. Whoever has it can resume
   * it: keep it as secret as a key, and use it once (RFC 8446, section C.4) if the server gives new ones. None for a server.
   */
  readonly session: Effect.Effect<Option.Option<Uint8Array>>
}

/**
 * A certificate and its key, as PEM. The certificate is followed by those of the authorities between it and a known one.
 *
 * @since 0.1.0
 * @category options
 */
export interface Identity {
  readonly cert?: NodeTls.SecureContextOptions["cert"]
  readonly key?: NodeTls.SecureContextOptions["key"]
  /** What the key is encrypted with, if it is. */
  readonly passphrase?: string | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface CommonOptions extends Identity {
  /** The authorities that the peer's certificate has to come from, as PEM, instead of those that Node has. */
  readonly ca?: NodeTls.SecureContextOptions["ca"]
  /** Protocols to choose from, the best first (ALPN): `h2`, `http/1.1`, ... A server decides; if nothing fits, it fails. */
  readonly ALPNProtocols?: ReadonlyArray<string> | undefined
  /** `TLSv1.2` if absent. */
  readonly minVersion?: NodeTls.SecureVersion | undefined
  /** `TLSv1.3` if absent. */
  readonly maxVersion?: NodeTls.SecureVersion | undefined
  /** OpenSSL's list of ciphers, instead of Node's. */
  readonly ciphers?: string | undefined
  /**
   * Whether the handshake fails if the peer's certificate is no good. `true` if absent. Otherwise look at `authorized`: a
   * connection that is not authorized may be with anybody. For a server it counts if `requestCert` is set.
   */
  readonly rejectUnauthorized?: boolean | undefined
  /** How long the handshake may take. 10 seconds if absent; infinite for no limit. */
  readonly handshakeTimeout?: Duration.DurationInput | undefined
  /** Whether a stream that ends without close_notify ended well. `false` if absent: it was cut off (see above). */
  readonly ignoreUnexpectedEof?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface ClientOptions extends CommonOptions {
  /**
   * Who the server is: a name, which it is told (SNI) and which its certificate has to have, or an IP address, which the
   * certificate has to have. If absent it is the host that was connected to, or the IP address that the connection is with.
   */
  readonly servername?: string | undefined
  /**
   * Whether a certificate is the server's, instead of Node's check of the names in it: an error says why not. It is called
   * for certificates of trusted authorities only, and for those of resumed sessions too.
   */
  readonly checkServerIdentity?:
    | ((host: string, certificate: NodeTls.PeerCertificate) => Error | undefined)
    | undefined
  /**
   * The session of an earlier connection with this server, made with the same options. It is not used if its certificate is
   * not this server's, and if the server does not know it any more, a new one is made.
   */
  readonly session?: Uint8Array | undefined
  /** What `tls.createSecureContext` made of `ca`, `cert`, `key` and so on: for many connections it is made once. */
  readonly secureContext?: NodeTls.SecureContext | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface ServerOptions extends CommonOptions {
  /** Whether clients are asked for a certificate. `false` if absent. They have to have one unless `rejectUnauthorized` is `false`. */
  readonly requestCert?: boolean | undefined
  /**
   * Certificates for the names that clients ask for (SNI). `*.example.org` stands for one label. Everybody else gets `cert`
   * and `key`, or, if there are none, no connection.
   */
  readonly contexts?: Readonly<Record<string, Identity>> | undefined
  /**
   * Chooses by the name that a client asks for, instead of `contexts`. Nothing: `cert` and `key`. What it throws ends that
   * client's handshake. A context that it gives brings its own `ca`.
   */
  readonly SNICallback?: ((servername: string) => NodeTls.SecureContext | undefined) | undefined
}

/**
 * A server's options, read and checked: to be made once for many connections. Sessions are resumed with the context that
 * they were made with.
 *
 * @since 0.1.0
 * @category models
 */
export class ServerContext {
  private readonly acceptor: TlsAcceptor
  private readonly options: ServerOptions

  private constructor(options: ServerOptions) {
    this.acceptor = new TlsAcceptor(options)
    this.options = options
  }

  /**
   * Throws if the options are no good.
   *
   * @internal
   */
  static unsafeMake(options: ServerOptions): ServerContext {
    return new ServerContext(options)
  }

  /** @internal */
  get side(): Handshake {
    const { acceptor, options } = this
    return serverSide(acceptor, limitOf(options), options.ignoreUnexpectedEof ?? false)
  }
}

/**
 * Reads a server's certificates and keys.
 *
 * Fails with `InvalidArgument` if they are none, or do not belong together.
 *
 * @since 0.1.0
 * @category constructors
 */
export const serverContext = (options: ServerOptions): Effect.Effect<ServerContext, SocketError> =>
  Effect.try({
    try: () => ServerContext.unsafeMake(options),
    catch: (cause) => badOptions(cause, "serverContext")
  })

const contextOf = (options: ServerOptions | ServerContext): Effect.Effect<ServerContext, SocketError> =>
  options instanceof ServerContext ? Effect.succeed(options) : serverContext(options)

/**
 * Connects to a host, and makes the connection a TLS connection. It is closed with the scope. The `timeout` covers
 * everything, from looking the name up to the end of the handshake; `handshakeTimeout` is for the handshake alone.
 *
 * Fails like `Net.connect`, and with `TlsError`.
 *
 * @since 0.1.0
 * @category operations
 */
export const connect = (
  options: Net.ConnectOptions & ClientOptions
): Effect.Effect<TlsConnection, TlsError | SocketError | TimeoutError, Net.Net | Scope.Scope> =>
  Effect.gen(function* () {
    const { host, servername = host, timeout } = options
    const started = yield* Clock.currentTimeMillis
    const connection = yield* Net.connect(options)
    const limit = limitOf(options)
    if (timeout === undefined) return yield* handshake(connection, clientSide(options, servername, limit))
    const elapsed = (yield* Clock.currentTimeMillis) - started
    const left = Duration.subtract(Duration.decode(timeout), Duration.millis(elapsed))
    const side = clientSide(options, servername, Duration.min(left, limit))
    if (Duration.greaterThan(left, limit)) return yield* handshake(connection, side)
    return yield* Effect.mapError(handshake(connection, side), (error) =>
      isTimeoutError(error) ? timedOut("handshake", timeout, error.address) : error
    )
  })

/**
 * Makes a connection a TLS connection, as the client: after STARTTLS, or over whatever carries a connection. It is closed
 * with the scope, and the connection beneath with it.
 *
 * Without `servername` the certificate has to be for the IP address that the connection is with; one over anything else
 * needs it.
 *
 * Fails with `TlsError`, with `ConnectionError` if the peer goes away (`Reset`), with `TimeoutError`, or with
 * `InvalidArgument` if the options are no good; then the connection is closed.
 *
 * @since 0.1.0
 * @category operations
 */
export const clientOver = <A extends Endpoint>(
  connection: Connection<A>,
  options: ClientOptions = {}
): Effect.Effect<TlsConnection<A>, TlsError | SocketError | TimeoutError, Scope.Scope> =>
  Effect.suspend(() => {
    const { servername = hostOf(connection.remoteAddress) } = options
    if (servername === undefined) {
      const advice = "over anything but IP a client says by servername who the server is"
      return Effect.zipRight(connection.close, Effect.fail(invalidArgument("handshake", advice)))
    }
    return handshake(connection, clientSide(options, servername, limitOf(options)))
  })

const hostOf = (address: Endpoint): string | undefined =>
  address._tag === "SocketAddress" ? address.host : undefined

/**
 * Makes a connection a TLS connection, as the server. It is closed with the scope, and the connection beneath with it.
 *
 * With options, their certificates are read each time, and no session is resumed; for many connections make a
 * `serverContext`. It fails like `clientOver`.
 *
 * @since 0.1.0
 * @category operations
 */
export const serverOver = <A extends Endpoint>(
  connection: Connection<A>,
  options: ServerOptions | ServerContext
): Effect.Effect<TlsConnection<A>, TlsError | SocketError | TimeoutError, Scope.Scope> =>
  Effect.flatMap(contextOf(options), ({ side }) => handshake(connection, side))

/**
 * Serves TLS: like `listener.serve`, with a handshake before the handler, in the connection's own fiber. The handshake is
 * what `connection.established` stands for here. One that fails ends its own connection and nothing else: it goes to
 * `onFailure`, or is logged, like a handler that fails. `onFailure` gets the connection beneath.
 *
 * Fails with `InvalidArgument` if the options are no good, and like `listener.serve`.
 *
 * @since 0.1.0
 * @category operations
 */
export const serve = <E, R, R2 = never, A extends Endpoint = SocketAddress>(
  listener: Listener<A>,
  options: ServerOptions | ServerContext,
  handler: (connection: TlsConnection<A>) => Effect.Effect<unknown, E, R>,
  serveOptions?: ServeOptions<E | TlsError | SocketError | TimeoutError, R2, A>
): Effect.Effect<never, SocketError, R | R2> =>
  Effect.flatMap(contextOf(options), (context) => {
    const serveOne = (connection: Connection<A>) =>
      Effect.scopedWith((scope) =>
        Effect.flatMap(Scope.extend(serverOver(connection, context), scope), (tls) =>
          Effect.zipRight(connection.established, handler(tls))
        )
      )
    return listener.serve<E | TlsError | SocketError | TimeoutError, R, R2>(serveOne, serveOptions)
  })
