/**
 * An established TLS connection: a connection of `Net` whose stream is a `tls.TLSSocket`, over another connection.
 *
 *     reads and writes --> StreamConnection --> DuplexSocket --> TLSSocket --> NodeDuplex --> the connection beneath
 *
 * What is about bytes goes down that way. What is about the socket (addresses, options) is asked of the connection beneath.
 *
 * The ends of a stream:
 *
 *     the peer's close_notify, then its FIN --> the end of the stream, as of any connection
 *     a FIN without a close_notify ----------> `Reset`: what came may not be all (unless `ignoreUnexpectedEof`)
 *     `shutdown("write")` -------------------> close_notify and FIN; reading goes on
 *     `close` --> what was written, close_notify, FIN --> the connection beneath is closed --> over
 *     `abort` --> the connection beneath is reset
 *
 * A failure of TLS after the handshake (an alert, a record that was tampered with) is a `ConnectionError`, because reads
 * and writes fail with those: `Reset` if the peer said so, `Aborted` if this side found it. Its cause is the `TlsError`.
 *
 * @since 0.1.0
 */
import type { X509Certificate } from "node:crypto"
import type { CipherNameAndProtocol, TLSSocket } from "node:tls"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Endpoint } from "../../Address/index.js"
import { fromTls, type SocketError, socketError, type TlsError, type TlsSide } from "../../Errors/index.js"
import { isTlsAlert, tlsCodeOf } from "../../Errors/TlsTable.js"
import { StreamConnection } from "../../Net/internal/StreamConnection.js"
import type { SocketOptionName, SocketOptions } from "../../Proactor/SocketOption.js"
import { closedDown } from "../NodeConnection.js"
import type { NodeDuplex } from "../NodeDuplex.js"
import type { TlsConnection } from "../Tls.js"
import { DuplexSocket } from "./DuplexSocket.js"
import { certificateIn } from "./TlsSession.js"

/**
 * What a TLS connection is made of.
 *
 * @internal
 */
export interface Layers<out A extends Endpoint = Endpoint> {
  readonly beneath: StreamConnection<A>
  /** The stream over the connection beneath. */
  readonly wire: NodeDuplex
  /** The stream over that one. */
  readonly stream: TLSSocket
  readonly side: TlsSide
  readonly sessions: Sessions | undefined
  readonly ignoreUnexpectedEof: boolean
}

const UNEXPECTED_EOF = "ERR_SSL_UNEXPECTED_EOF_WHILE_READING"

/**
 * The sessions of a client: the one that it offered, and the newest that the server has given it.
 *
 * @internal
 */
export class Sessions {
  readonly offered: Uint8Array | undefined
  latest: Uint8Array | undefined

  constructor(stream: TLSSocket, offered: Uint8Array | undefined) {
    this.offered = offered
    stream.on("session", (session: Buffer) => {
      this.latest = session
    })
  }
}

/** Node does not tell a client the certificate of a session that was resumed. */
const peerCertificateOf = ({ sessions, stream }: Layers): X509Certificate | undefined => {
  const certificate = stream.getPeerX509Certificate()
  if (certificate !== undefined || sessions?.offered === undefined) return certificate
  return stream.isSessionReused() ? certificateIn(sessions.offered) : undefined
}

/** Gives a failure of TLS the typed error as its cause, for `DuplexSocket` to find. */
const explainFailures = ({ beneath, side, stream }: Layers): void => {
  stream.on("error", (error: Error) => {
    const codeName = tlsCodeOf(error)
    if (codeName === undefined || error.cause !== undefined) return
    const address = beneath.peer
    const cause = fromTls(error, { operation: "tls", address, side })
    const advice = `TLS failed: ${cause.message}`
    const reason = isTlsAlert(codeName) ? "Reset" : "Aborted"
    error.cause = socketError(reason, { operation: "tls", address, codeName, advice, cause })
  })
}

const truncated = ({ beneath }: Layers): Error => {
  const cause = socketError("Reset", {
    operation: "tls",
    address: beneath.peer,
    codeName: UNEXPECTED_EOF,
    advice: "The peer ended the stream without close_notify: what came may not be all of it."
  })
  return new Error("the stream was cut off", { cause })
}

/**
 * Tells an end that the peer announced from one that anybody between could have made. TLS learns of the wire's end after
 * we do, and of a close_notify before it.
 */
const watchEnd = (layers: Layers): void => {
  const { stream, wire } = layers
  let isAnnounced = false
  const push = stream.push.bind(stream)
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk === null) isAnnounced = true
    return push(chunk, encoding)
  }
  wire.prependOnceListener("end", () => {
    if (!isAnnounced) stream.destroy(truncated(layers))
  })
}

const protocolOf = (stream: TLSSocket): string => stream.getProtocol() ?? "unknown"

const errorOf = (layers: Layers): Option.Option<TlsError> => {
  const { beneath, side, stream } = layers
  const code: unknown = stream.authorizationError
  if (stream.authorized || code === undefined || code === null) return Option.none()
  // Node keeps the error here, or only its code.
  const cause = typeof code === "string" ? { code } : code
  return Option.some(fromTls(cause, { operation: "handshake", address: beneath.peer, side }))
}

/** @internal */
export class TlsStreamConnection<A extends Endpoint> extends StreamConnection<A> implements TlsConnection<A> {
  readonly protocol: string
  readonly cipher: CipherNameAndProtocol
  readonly alpnProtocol: Option.Option<string>
  readonly servername: Option.Option<string>
  readonly authorized: boolean
  readonly authorizationError: Option.Option<TlsError>
  readonly peerCertificate: Option.Option<X509Certificate>
  readonly isSessionReused: boolean
  private readonly layers: Layers<A>

  private constructor(layers: Layers<A>) {
    const { beneath, stream, wire } = layers
    const { remoteAddress: remote } = beneath
    // The local address is asked of the connection beneath.
    const ends = { remote, local: () => undefined }
    super(new DuplexSocket(stream, ends, () => wire.resetAndDestroy()), remote)
    this.layers = layers
    // Node forgets all of it once the stream is destroyed.
    this.protocol = protocolOf(stream)
    this.cipher = stream.getCipher()
    this.alpnProtocol = Option.fromNullable(stream.alpnProtocol || undefined)
    this.servername = Option.fromNullable(stream.servername || undefined)
    this.authorized = stream.authorized
    this.authorizationError = errorOf(layers)
    this.peerCertificate = Option.fromNullable(peerCertificateOf(layers))
    this.isSessionReused = stream.isSessionReused()
  }

  /** To be called in the step in which the handshake is over: what comes next is not to be missed. */
  static established<A extends Endpoint>(layers: Layers<A>): TlsStreamConnection<A> {
    explainFailures(layers)
    if (!layers.ignoreUnexpectedEof) watchEnd(layers)
    return new TlsStreamConnection(layers)
  }

  get session(): Effect.Effect<Option.Option<Uint8Array>> {
    return Effect.suspend(() => {
      const { sessions, side, stream } = this.layers
      if (side === "server") return Effect.succeedNone
      if (sessions?.latest !== undefined) return Effect.succeedSome(sessions.latest)
      // Before TLS 1.3 the handshake makes the session. Since then the server sends it, when it likes.
      if (this.protocol !== "TLSv1.3") return Effect.succeed(Option.fromNullable(stream.getSession()))
      // It may send none where one was resumed (Node's does not): that one goes on.
      if (this.isSessionReused) return Effect.succeed(Option.fromNullable(sessions?.offered))
      return stream.closed || stream.readableEnded ? Effect.succeedNone : this.nextSession
    })
  }

  override get localAddress(): Effect.Effect<A, SocketError> {
    return this.layers.beneath.localAddress
  }

  /** Waits until the connection beneath is closed too. */
  override get close(): Effect.Effect<void> {
    const { stream, wire } = this.layers
    const gone = Effect.zipRight(closedDown(stream), closedDown(wire))
    return Effect.uninterruptible(Effect.zipRight(super.close, gone))
  }

  override get established(): Effect.Effect<void> {
    return this.layers.beneath.established
  }

  override getOption<Name extends SocketOptionName>(
    name: Name
  ): Effect.Effect<SocketOptions[Name], SocketError> {
    return name === "lingerSeconds" ? super.getOption(name) : this.layers.beneath.getOption(name)
  }

  override setOption<Name extends SocketOptionName>(
    name: Name,
    value: SocketOptions[Name]
  ): Effect.Effect<void, SocketError> {
    // Lingering is about how the stream ends, and that is decided here.
    return name === "lingerSeconds"
      ? super.setOption(name, value)
      : this.layers.beneath.setOption(name, value)
  }

  private get nextSession(): Effect.Effect<Option.Option<Uint8Array>> {
    return Effect.async((resume) => {
      const { stream } = this.layers
      const events = ["session", "end", "close"]
      const stop = () => {
        for (const event of events) stream.off(event, over)
      }
      const over = () => {
        stop()
        resume(Effect.succeed(Option.fromNullable(this.layers.sessions?.latest)))
      }
      for (const event of events) stream.on(event, over)
      return Effect.sync(stop)
    })
  }
}
