/**
 * The certificate within a session.
 *
 * Node does not tell a client the certificate of a server whose session it resumed, and does not compare it with the name
 * that the client asked for: a session of one server would pass with any name. The certificate is in the session, as
 * OpenSSL writes it (`i2d_SSL_SESSION`): a DER sequence, in which it is the element with the tag [3]. Newer releases of
 * Node put the name of the host before that:
 *
 *     0x00 "nodejs:tls:session:1" 0x00, the name's length (u16, big endian), the name, the DER sequence
 *
 * @since 0.1.0
 */
import { X509Certificate } from "node:crypto"

const SEQUENCE = 0x30
const CERTIFICATE = 0xa3
const LONG_LENGTH = 0x80
const NAMED = Buffer.from("\0nodejs:tls:session:1\0", "latin1")
const LENGTH_BYTES = 2

interface Element {
  readonly tag: number
  readonly content: Uint8Array
  /** Where the next one begins. */
  readonly end: number
}

/** The DER element at `at` (X.690, section 8.1), if there is a whole one. */
const elementAt = (der: Uint8Array, at: number): Element | undefined => {
  const tag = der[at]
  const first = der[at + 1]
  if (tag === undefined || first === undefined) return undefined
  const lengthBytes = first < LONG_LENGTH ? 0 : first - LONG_LENGTH
  const start = at + 2 + lengthBytes
  let length = first < LONG_LENGTH ? first : 0
  for (const byte of der.subarray(at + 2, start)) length = length * 256 + byte
  const end = start + length
  return end > der.length ? undefined : { tag, content: der.subarray(start, end), end }
}

/** OpenSSL's part of a session. */
const withoutName = (session: Uint8Array): Uint8Array => {
  const bytes = Buffer.from(session.buffer, session.byteOffset, session.byteLength)
  const start = NAMED.length + LENGTH_BYTES
  if (bytes.length < start || !bytes.subarray(0, NAMED.length).equals(NAMED)) return bytes
  return bytes.subarray(start + bytes.readUInt16BE(NAMED.length))
}

/**
 * The peer's certificate, if there is one in what may be a session.
 *
 * @internal
 */
export const certificateIn = (session: Uint8Array): X509Certificate | undefined => {
  const whole = elementAt(withoutName(session), 0)
  if (whole?.tag !== SEQUENCE) return undefined
  let element = elementAt(whole.content, 0)
  while (element !== undefined && element.tag !== CERTIFICATE) element = elementAt(whole.content, element.end)
  if (element === undefined) return undefined
  try {
    return new X509Certificate(element.content)
  } catch {
    return undefined
  }
}
