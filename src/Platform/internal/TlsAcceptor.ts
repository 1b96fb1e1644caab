/**
 * The server's side of handshakes, by a `tls.Server` that never listens: it is given the streams.
 *
 * Node's server has more to it than a `TLSSocket` has: the check of client certificates, names and their certificates,
 * tickets. It takes any stream that is emitted as its 'connection', which is documented, and tells by 'secureConnection' or
 * 'tlsClientError' what became of it, with the `TLSSocket` but without the stream that it was given. To tell whose event
 * it is, each handshake has an object of its own that is the server (it inherits from it) in all but `emit`.
 *
 * @since 0.1.0
 */
import { randomBytes } from "node:crypto"
import { EventEmitter } from "node:events"
import * as NodeTls from "node:tls"
import type { NodeDuplex } from "../NodeDuplex.js"
import type { ServerOptions } from "../Tls.js"
import type { Verdict } from "./TlsHandshake.js"
import { serverSettings } from "./TlsOptions.js"

/** Node's own limit, which must not be the first to pass. */
const NO_LIMIT_MILLISECONDS = 0x7fffffff
/** What a session is good for: this server, and no other one (`SSL_CTX_set_session_id_context`, 32 bytes at most). */
const SESSION_CONTEXT_BYTES = 16

/** Calls the program's choice of a certificate, whatever it does, in Node's manner. */
const chooser =
  (choose: (servername: string) => NodeTls.SecureContext | undefined): NodeTls.TlsOptions["SNICallback"] =>
  (servername, callback) => {
    let chosen: NodeTls.SecureContext | undefined
    try {
      chosen = choose(servername)
    } catch (error) {
      callback(error instanceof Error ? error : new Error(String(error), { cause: error }))
      return
    }
    callback(null, chosen)
  }

/** A client that was refused leaves the reason with its stream, and the error says only that it is gone. */
const reasonOf = (error: unknown, stream: unknown): unknown => {
  const refusal: unknown = stream instanceof NodeTls.TLSSocket ? stream.authorizationError : undefined
  return typeof refusal === "string"
    ? Object.assign(new Error(refusal, { cause: error }), { code: refusal })
    : error
}

/** @internal */
export class TlsAcceptor {
  private readonly server: NodeTls.Server

  /** Throws if the options are no good. */
  constructor(options: ServerOptions) {
    const { SNICallback, contexts = {} } = options
    const settings = serverSettings(options)
    this.server = NodeTls.createServer({
      ...settings,
      ...(SNICallback === undefined ? {} : { SNICallback: chooser(SNICallback) }),
      handshakeTimeout: NO_LIMIT_MILLISECONDS,
      sessionIdContext: randomBytes(SESSION_CONTEXT_BYTES).toString("hex")
    })
    for (const [servername, identity] of Object.entries(contexts)) {
      this.server.addContext(servername, { ...settings, ...identity })
    }
  }

  accept(wire: NodeDuplex, { failed, secure }: Verdict): void {
    const { server } = this
    const own: NodeTls.Server = Object.create(server)
    own.emit = (event: string | symbol, ...args: Array<unknown>): boolean => {
      const [first, second] = args
      if (event === "secureConnection" && first instanceof NodeTls.TLSSocket) secure(first)
      else if (event === "tlsClientError") failed(reasonOf(first, second))
      else return EventEmitter.prototype.emit.call(server, event, ...args)
      return true
    }
    EventEmitter.prototype.emit.call(own, "connection", wire)
  }
}
