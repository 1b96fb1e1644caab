/**
 * What a TLS handshake fails with, by the codes that Node gives.
 *
 * The codes are names, of three kinds: those of the check of a certificate (`X509_V_ERR_...` of OpenSSL, without that
 * beginning), Node's own (`ERR_TLS_...`), and those that OpenSSL's library for TLS gives (`ERR_SSL_...`), of which some
 * are alerts: what the other side found (RFC 8446, section 6).
 *
 * Whose certificate is at fault is told by the side: an alert about a certificate, if a client gets it, is about the
 * client's.
 *
 * @since 0.1.0
 */
import { TlsError, type TlsErrorReason } from "./TlsError.js"

/**
 * The side of a TLS connection.
 *
 * @since 0.1.0
 * @category models
 */
export type TlsSide = "client" | "server"

/**
 * The handshake that failed, as the table needs it to make an error.
 *
 * @since 0.1.0
 * @category models
 */
export interface TlsCall {
  /** What the program asked for: `handshake`, `read`, ... */
  readonly operation: string
  /** The address concerned, as printed. */
  readonly address?: string | undefined
  /** This side. */
  readonly side: TlsSide
}

type Row = readonly [name: string, reason: TlsErrorReason, advice?: string]

const noClientCertificate = "The client sent no certificate, and this server requires one."
const missingIssuer =
  "A certificate of the chain is missing: the peer has to send it, or `ca` has to have it. Or the authority is unknown."

/** @internal */
export const tlsRows: ReadonlyArray<Row> = [
  // The check of a certificate.
  [
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "CertificateUntrusted",
    "It is self-signed. Trust it by having it in `ca`."
  ],
  [
    "SELF_SIGNED_CERT_IN_CHAIN",
    "CertificateUntrusted",
    "The authority at the end of its chain is not trusted. Trust it by having it in `ca`."
  ],
  ["UNABLE_TO_GET_ISSUER_CERT", "CertificateUntrusted", missingIssuer],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "CertificateUntrusted", missingIssuer],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "CertificateUntrusted", missingIssuer],
  ["UNABLE_TO_GET_CRL", "CertificateUntrusted"],
  ["UNABLE_TO_DECRYPT_CERT_SIGNATURE", "CertificateUntrusted"],
  ["UNABLE_TO_DECRYPT_CRL_SIGNATURE", "CertificateUntrusted"],
  ["UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY", "CertificateUntrusted"],
  ["CERT_SIGNATURE_FAILURE", "CertificateUntrusted"],
  ["CRL_SIGNATURE_FAILURE", "CertificateUntrusted"],
  ["ERROR_IN_CERT_NOT_BEFORE_FIELD", "CertificateUntrusted"],
  ["ERROR_IN_CERT_NOT_AFTER_FIELD", "CertificateUntrusted"],
  ["ERROR_IN_CRL_LAST_UPDATE_FIELD", "CertificateUntrusted"],
  ["ERROR_IN_CRL_NEXT_UPDATE_FIELD", "CertificateUntrusted"],
  ["CERT_CHAIN_TOO_LONG", "CertificateUntrusted"],
  ["CERT_REVOKED", "CertificateUntrusted", "It is revoked."],
  ["INVALID_CA", "CertificateUntrusted"],
  ["PATH_LENGTH_EXCEEDED", "CertificateUntrusted"],
  ["INVALID_PURPOSE", "CertificateUntrusted", "It is not meant for this side of a connection."],
  ["CERT_UNTRUSTED", "CertificateUntrusted"],
  ["CERT_REJECTED", "CertificateUntrusted"],
  ["UNSPECIFIED", "CertificateUntrusted"],
  ["CERT_HAS_EXPIRED", "CertificateExpired"],
  ["CERT_NOT_YET_VALID", "CertificateExpired"],
  ["CRL_HAS_EXPIRED", "CertificateExpired", "It is the list of what is revoked (`crl`) that is out of date."],
  [
    "CRL_NOT_YET_VALID",
    "CertificateExpired",
    "It is the list of what is revoked (`crl`) that is out of date."
  ],
  ["HOSTNAME_MISMATCH", "HostnameMismatch"],
  ["OUT_OF_MEM", "HandshakeFailed"],
  // Node's own.
  ["ERR_TLS_CERT_ALTNAME_INVALID", "HostnameMismatch"],
  ["ERR_TLS_CERT_ALTNAME_FORMAT", "HostnameMismatch"],
  ["ERR_TLS_INVALID_PROTOCOL_VERSION", "NoCommonProtocol"],
  ["ERR_TLS_PROTOCOL_VERSION_CONFLICT", "NoCommonProtocol"],
  // What this side found, once TLS had begun.
  ["ERR_SSL_CERTIFICATE_VERIFY_FAILED", "CertificateUntrusted"],
  ["ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE", "CertificateRequired", noClientCertificate],
  ["ERR_SSL_NO_CERTIFICATE_RETURNED", "CertificateRequired", noClientCertificate],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "NotTls"],
  ["ERR_SSL_HTTP_REQUEST", "NotTls", "The peer spoke HTTP without TLS."],
  ["ERR_SSL_HTTPS_PROXY_REQUEST", "NotTls", "The peer spoke to a proxy, without TLS."],
  ["ERR_SSL_PACKET_LENGTH_TOO_LONG", "NotTls"],
  ["ERR_SSL_BAD_PACKET_LENGTH", "NotTls"],
  ["ERR_SSL_RECORD_LENGTH_MISMATCH", "NotTls"],
  ["ERR_SSL_RECORD_TOO_SMALL", "NotTls"],
  ["ERR_SSL_UNKNOWN_PROTOCOL", "NotTls"],
  ["ERR_SSL_NOT_SSL", "NotTls"],
  [
    "ERR_SSL_UNSUPPORTED_PROTOCOL",
    "NoCommonProtocol",
    "The peer has only versions of TLS that are not allowed here."
  ],
  ["ERR_SSL_UNSUPPORTED_SSL_VERSION", "NoCommonProtocol"],
  ["ERR_SSL_WRONG_SSL_VERSION", "NoCommonProtocol"],
  ["ERR_SSL_VERSION_TOO_LOW", "NoCommonProtocol"],
  ["ERR_SSL_VERSION_TOO_HIGH", "NoCommonProtocol"],
  ["ERR_SSL_NO_PROTOCOLS_AVAILABLE", "NoCommonProtocol"],
  ["ERR_SSL_INAPPROPRIATE_FALLBACK", "NoCommonProtocol"],
  ["ERR_SSL_NO_SHARED_CIPHER", "NoCommonProtocol"],
  ["ERR_SSL_NO_CIPHERS_AVAILABLE", "NoCommonProtocol"],
  ["ERR_SSL_NO_CIPHERS_SPECIFIED", "NoCommonProtocol"],
  ["ERR_SSL_NO_SHARED_GROUPS", "NoCommonProtocol"],
  ["ERR_SSL_NO_SUITABLE_GROUPS", "NoCommonProtocol"],
  ["ERR_SSL_NO_SUITABLE_KEY_SHARE", "NoCommonProtocol"],
  ["ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM", "NoCommonProtocol"],
  ["ERR_SSL_NO_SHARED_SIGNATURE_ALGORITHMS", "NoCommonProtocol"],
  ["ERR_SSL_NO_APPLICATION_PROTOCOL", "NoCommonProtocol", "No protocol of `ALPNProtocols` is both sides'."]
]

const versionAlert = "The peer allows no version of TLS that is allowed here."
const alpnAlert = "The peer has none of the protocols of `ALPNProtocols`."

/**
 * What the other side found, by the names of RFC 8446 (and of older ones). `Certificate...` are about this side's.
 *
 * @internal
 */
export const alertRows: ReadonlyArray<Row> = [
  ["BAD_CERTIFICATE", "CertificateUntrusted"],
  ["UNSUPPORTED_CERTIFICATE", "CertificateUntrusted"],
  ["CERTIFICATE_REVOKED", "CertificateUntrusted"],
  ["CERTIFICATE_EXPIRED", "CertificateExpired"],
  ["CERTIFICATE_UNKNOWN", "CertificateUntrusted"],
  ["UNKNOWN_CA", "CertificateUntrusted"],
  ["ACCESS_DENIED", "CertificateRequired"],
  ["NO_CERTIFICATE", "CertificateRequired"],
  ["CERTIFICATE_REQUIRED", "CertificateRequired"],
  ["UNRECOGNIZED_NAME", "HostnameMismatch", "The server knows nothing of the host that was asked for."],
  [
    "HANDSHAKE_FAILURE",
    "NoCommonProtocol",
    "The peer found no cipher or key exchange in common, or misses a client certificate: it does not say which."
  ],
  ["PROTOCOL_VERSION", "NoCommonProtocol", versionAlert],
  ["INSUFFICIENT_SECURITY", "NoCommonProtocol", "What was offered is too weak for the peer."],
  ["EXPORT_RESTRICTION", "NoCommonProtocol"],
  ["INAPPROPRIATE_FALLBACK", "NoCommonProtocol"],
  ["NO_APPLICATION_PROTOCOL", "NoCommonProtocol", alpnAlert],
  ["UNEXPECTED_MESSAGE", "HandshakeFailed"],
  ["BAD_RECORD_MAC", "HandshakeFailed"],
  ["DECRYPTION_FAILED", "HandshakeFailed"],
  ["RECORD_OVERFLOW", "HandshakeFailed"],
  ["DECOMPRESSION_FAILURE", "HandshakeFailed"],
  ["ILLEGAL_PARAMETER", "HandshakeFailed"],
  ["DECODE_ERROR", "HandshakeFailed"],
  ["DECRYPT_ERROR", "HandshakeFailed"],
  ["INTERNAL_ERROR", "HandshakeFailed", "Something went wrong within the peer."],
  ["USER_CANCELLED", "HandshakeFailed"],
  ["NO_RENEGOTIATION", "HandshakeFailed"],
  ["MISSING_EXTENSION", "HandshakeFailed"],
  ["UNSUPPORTED_EXTENSION", "HandshakeFailed"],
  ["CERTIFICATE_UNOBTAINABLE", "HandshakeFailed"],
  ["BAD_CERTIFICATE_STATUS_RESPONSE", "HandshakeFailed"],
  ["BAD_CERTIFICATE_HASH_VALUE", "HandshakeFailed"],
  ["UNKNOWN_PSK_IDENTITY", "HandshakeFailed"]
]

const byName = (rows: ReadonlyArray<Row>): ReadonlyMap<string, Row> =>
  new Map(rows.map((row) => [row[0], row]))

const table = byName(tlsRows)
const alerts = byName(alertRows)

/** `ERR_SSL_TLSV1_ALERT_UNKNOWN_CA`; since OpenSSL 3.2 some begin with `ERR_SSL_SSL/TLS_ALERT_`. */
const alertCode = /^ERR_SSL_(?:SSLV3|TLSV1|TLSV13|SSL\/TLS)_(?:ALERT_)?(.+)$/

const alertNameOf = (codeName: string): string | undefined => alertCode.exec(codeName)?.[1]

/** What a server says to a client about certificates is about the client's. */
const isAboutCertificate = (reason: TlsErrorReason): boolean => reason.startsWith("Certificate")

const rejected = "The server did not accept this client's certificate."
const missing = "The server requires a certificate of the client: give `cert` and `key`."
const distrusted = "The client said so: it does not accept this server's certificate."

const rowOf = (codeName: string, side: TlsSide): Row | undefined => {
  const known = table.get(codeName)
  const alert = known === undefined ? alerts.get(alertNameOf(codeName) ?? "") : undefined
  if (alert === undefined) return known
  const [, reason] = alert
  if (!isAboutCertificate(reason)) return alert
  if (side === "server") return [codeName, reason, distrusted]
  return [codeName, "CertificateRequired", reason === "CertificateRequired" ? missing : rejected]
}

/**
 * Whether the code is an alert: what the other side found, and not this one.
 *
 * @internal
 */
export const isTlsAlert = (codeName: string): boolean => alerts.has(alertNameOf(codeName) ?? "")

const field = (cause: unknown, name: "code" | "message" | "reason"): string | undefined => {
  const value: unknown = typeof cause === "object" && cause !== null ? Reflect.get(cause, name) : undefined
  return typeof value === "string" ? value : undefined
}

/** `error:0A00010B:SSL routines:ssl3_get_record:wrong version number:...` */
const opensslText = /error:[0-9A-F]+:SSL routines:[^:]*:([^:]+):/i

/** A failure that a write brought to light has no code but `EPROTO`, and OpenSSL's in its message. */
const codeInMessage = (cause: unknown): string | undefined => {
  const reason = opensslText.exec(field(cause, "message") ?? "")?.[1]
  return reason === undefined ? undefined : `ERR_SSL_${reason.toUpperCase().replaceAll(" ", "_")}`
}

/**
 * The code that TLS failed with; none if this is no failure of TLS.
 *
 * @internal
 */
export const tlsCodeOf = (cause: unknown): string | undefined => {
  const code = field(cause, "code")
  if (code === undefined || code === "EPROTO") return codeInMessage(cause)
  return table.has(code) || /^ERR_(?:SSL|TLS)_/.test(code) ? code : undefined
}

/** Node says in the error which names the certificate has, which is what one wants to know. */
const adviceOn = (reason: TlsErrorReason, cause: unknown): string | undefined => {
  if (reason === "HostnameMismatch") return field(cause, "reason")
  return reason === "HandshakeFailed" ? field(cause, "message") : undefined
}

/**
 * The error for what a TLS connection of Node failed with, which it keeps as its cause. Total: whatever is not in the
 * table is `HandshakeFailed`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromTls = (cause: unknown, { address, operation, side }: TlsCall): TlsError => {
  const codeName = tlsCodeOf(cause) ?? field(cause, "code")
  const [, reason = "HandshakeFailed", advice] =
    (codeName === undefined ? undefined : rowOf(codeName, side)) ?? []
  return new TlsError({
    operation,
    address,
    reason,
    codeName,
    advice: advice ?? adviceOn(reason, cause),
    cause
  })
}
