/**
 * The options of this library as those of `node:tls`.
 *
 * @since 0.1.0
 */
import { isIP } from "node:net"
import * as NodeTls from "node:tls"
import * as Duration from "effect/Duration"
import { NetworkError, type SocketError } from "../../Errors/index.js"
import { tlsCodeOf } from "../../Errors/TlsTable.js"
import type { NodeDuplex } from "../NodeDuplex.js"
import type { ClientOptions, CommonOptions, ServerOptions } from "../Tls.js"
import { certificateIn } from "./TlsSession.js"

/** How long a handshake may take if nobody says otherwise. Go's `net/http` has the same. */
const HANDSHAKE_TIMEOUT = Duration.seconds(10)

/** @internal */
export const limitOf = ({ handshakeTimeout }: CommonOptions): Duration.Duration =>
  handshakeTimeout === undefined ? HANDSHAKE_TIMEOUT : Duration.decode(handshakeTimeout)

/**
 * The typed error for what Node throws when it is given options that are no good.
 *
 * @internal
 */
export const badOptions = (cause: unknown, operation: string, address?: string): SocketError =>
  new NetworkError({
    reason: "InvalidArgument",
    operation,
    address,
    advice: `the options of TLS: ${cause instanceof Error ? cause.message : String(cause)}`,
    cause
  })

/** Throws if no version is left: Node would only tell so when somebody connects. The names sort like the versions. */
const requireVersions = ({ maxVersion, minVersion }: CommonOptions): void => {
  if (minVersion !== undefined && maxVersion !== undefined && minVersion > maxVersion) {
    throw new RangeError(`minVersion ${minVersion} is above maxVersion ${maxVersion}`)
  }
}

const shared = (options: CommonOptions) => {
  requireVersions(options)
  const { ALPNProtocols, ca, cert, ciphers, key, maxVersion, minVersion, passphrase } = options
  const protocols = ALPNProtocols === undefined ? {} : { ALPNProtocols: [...ALPNProtocols] }
  return { ...protocols, ca, cert, ciphers, key, maxVersion, minVersion, passphrase }
}

/** Throws unless there is a certificate for somebody. */
const requireIdentity = ({ SNICallback, cert, contexts, key }: ServerOptions): void => {
  if ((cert === undefined) !== (key === undefined)) throw new TypeError("cert and key belong together")
  if (cert === undefined && SNICallback === undefined && contexts === undefined) {
    throw new TypeError("a server has a certificate: give cert and key, contexts, or SNICallback")
  }
}

/** @internal */
export const serverSettings = (options: ServerOptions) => {
  requireIdentity(options)
  const { rejectUnauthorized = true, requestCert = false } = options
  return { ...shared(options), requestCert, rejectUnauthorized }
}

type IdentityCheck = NonNullable<ClientOptions["checkServerIdentity"]>

/** Whatever the program's check does is an answer: it runs where nobody could catch what it throws. */
const guarded =
  (check: IdentityCheck): IdentityCheck =>
  (host, certificate) => {
    try {
      const failure: unknown = check(host, certificate)
      return failure === undefined ? undefined : mismatch(failure)
    } catch (failure) {
      return mismatch(failure)
    }
  }

const mismatch = (failure: unknown): Error => {
  if (failure instanceof Error && tlsCodeOf(failure) !== undefined) return failure
  const reason = failure instanceof Error ? failure.message : String(failure)
  return Object.assign(new Error(reason, { cause: failure }), {
    code: "ERR_TLS_CERT_ALTNAME_INVALID",
    reason
  })
}

/** A session, if it is one of the server that is asked for. Otherwise there is a handshake in full, which finds out. */
const sessionFor = (options: ClientOptions, host: string, check: IdentityCheck): Uint8Array | undefined => {
  const { rejectUnauthorized = true, session } = options
  if (session === undefined || !rejectUnauthorized) return session
  const certificate = certificateIn(session)
  const isHosts = certificate !== undefined && check(host, certificate.toLegacyObject()) === undefined
  return isHosts ? session : undefined
}

/**
 * Begins a client's handshake. The server has to be `host`, a name or an address. Throws if the options are no good.
 *
 * @internal
 */
export const startClient = (wire: NodeDuplex, options: ClientOptions, host: string): NodeTls.TLSSocket => {
  const { rejectUnauthorized = true, secureContext } = options
  const check = guarded(options.checkServerIdentity ?? NodeTls.checkServerIdentity)
  const session = sessionFor(options, host, check)
  return NodeTls.connect({
    ...shared(options),
    socket: wire,
    host,
    // An address is no name (RFC 6066, section 3).
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(session === undefined ? {} : { session: Buffer.from(session) }),
    ...(secureContext === undefined ? {} : { secureContext }),
    rejectUnauthorized,
    checkServerIdentity: check
  })
}
