/**
 * What goes wrong between a connection and a TLS connection.
 *
 * The connection beneath is fine, or was: what fails is the agreement of two parties on a protocol, and their trust in
 * each other. A connection that breaks meanwhile is a `ConnectionError`, and a deadline that passes a `TimeoutError`.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { ErrorDetails } from "./Errors.js"
import { tlsMessage } from "./Message.js"
import { definedFields, toPlainObject } from "./Plain.js"

/**
 * Every `TlsErrorReason`, for programs that go through all of them.
 *
 * @since 0.1.0
 * @category models
 */
export const tlsErrorReasons = [
  /** Nobody who is trusted vouches for the certificate: self-signed, an unknown authority, a broken chain, revoked. */
  "CertificateUntrusted",
  /** The certificate is not valid any more, or not yet. */
  "CertificateExpired",
  /** The certificate is somebody else's: it does not name the host. */
  "HostnameMismatch",
  /** The server wants a certificate of the client, and there was none, or it did not accept it. */
  "CertificateRequired",
  /** What the peer sent is no TLS: plain text, most often. */
  "NotTls",
  /** No version, cipher, key exchange or application protocol (ALPN) that both sides have. */
  "NoCommonProtocol",
  /** Anything else; the code is kept in `codeName`. */
  "HandshakeFailed"
] as const

/**
 * Why there is no TLS connection, or none any more.
 *
 * @since 0.1.0
 * @category models
 */
export type TlsErrorReason = (typeof tlsErrorReasons)[number]

/**
 * The fields of a `TlsError`. Its `codeName` is Node's or OpenSSL's: `DEPTH_ZERO_SELF_SIGNED_CERT`,
 * `ERR_TLS_CERT_ALTNAME_INVALID`, `ERR_SSL_WRONG_VERSION_NUMBER`, ...
 *
 * @since 0.1.0
 * @category models
 */
export interface TlsErrorFields extends ErrorDetails {
  readonly reason: TlsErrorReason
}

/**
 * The two sides did not come to a TLS connection.
 *
 * @since 0.1.0
 * @category errors
 */
export class TlsError extends Data.TaggedError("TlsError")<TlsErrorFields> {
  constructor(fields: TlsErrorFields) {
    super(definedFields(fields))
  }

  /** One line that says what failed, how OpenSSL put it, and what to do. */
  override get message(): string {
    return tlsMessage(this)
  }

  override toJSON(): object {
    return toPlainObject(this)
  }
}

/**
 * Whether it is a `TlsError`.
 *
 * @since 0.1.0
 * @category guards
 */
export const isTlsError = (u: unknown): u is TlsError => u instanceof TlsError
