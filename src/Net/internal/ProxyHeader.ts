/**
 * The header of the PROXY protocol, versions 1 and 2, as bytes (https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt).
 *
 *     v1   "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", 107 bytes at most
 *     v2   0 signature (12)   12 version and command   13 family and transport   14 length (u16, big endian)
 *          16 source address, destination address, source port, destination port, then type-length-values
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { formatIp, isSocketAddress, make, parseIp, type SocketAddress } from "../../Address/index.js"
import { crc32c } from "./Crc32c.js"
import type { Arrived, Measured } from "./Frame.js"

/** Who is connected with whom, before the proxy. Part of the public interface, so not internal. */
export interface ProxyHeader {
  readonly version: 1 | 2
  /** The client, and whom it connected to; none if the proxy speaks for itself (a health check), or does not know. */
  readonly endpoints: Option.Option<Endpoints>
  /** What version 2 may add: ALPN (1), the authority (2), TLS (0x20), ... */
  readonly extensions: ReadonlyArray<Extension>
}

/** The two ends of the client's connection. */
export interface Endpoints {
  readonly source: SocketAddress
  readonly destination: SocketAddress
}

/** A type-length-value of version 2. */
export interface Extension {
  /** 0 to 255. Of type 3, the CRC-32C of the header, one that is wrong makes the header invalid. */
  readonly type: number
  readonly value: Uint8Array
}

const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1")
const PREFIX = Buffer.from("PROXY ", "latin1")
const V1_MOST_BYTES = 107
const V2_FIXED_BYTES = 16
const LOCAL = 0x20
const PROXY = 0x21
const TCP4 = 0x11
const TCP6 = 0x21

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const beginsLike = (seen: Buffer, whole: Buffer): boolean => {
  const length = Math.min(seen.length, whole.length)
  return seen.subarray(0, length).equals(whole.subarray(0, length))
}

const measureV1 = (seen: Buffer): Measured => {
  const length = seen.indexOf("\r\n")
  if (length >= 0) return { start: 0, length, total: length + 2 }
  return seen.length < V1_MOST_BYTES ? undefined : { invalid: "the PROXY header has no end" }
}

const measureV2 = (seen: Buffer, byteLength: number): Measured => {
  if (seen.length < V2_FIXED_BYTES) return undefined
  const total = V2_FIXED_BYTES + seen.readUInt16BE(14)
  return byteLength < total ? undefined : { start: 0, length: total, total }
}

/**
 * Where the header is in what has arrived.
 *
 * @internal
 */
export const measure = (arrived: Arrived): Measured => {
  const seen = asBuffer(arrived.peek(Math.min(arrived.byteLength, V1_MOST_BYTES)))
  if (seen.length === 0) return undefined
  if (beginsLike(seen, SIGNATURE)) return measureV2(seen, arrived.byteLength)
  if (beginsLike(seen, PREFIX)) return measureV1(seen)
  return { invalid: "it does not begin with a PROXY header" }
}

const endpoints = (source: SocketAddress, destination: SocketAddress) => Option.some({ source, destination })

/** An address of that version of IP, in the form of version 1, which has no leading zeros. */
const textEnd = (family: string | undefined, host: string, port: string): SocketAddress | undefined => {
  const address = /^(0|[1-9]\d{0,4})$/.test(port) ? make(host, Number(port)) : undefined
  if (address === undefined || Either.isLeft(address) || host.includes("%") || host.includes("["))
    return undefined
  return address.right.family === (family === "TCP4" ? "IPv4" : "IPv6") ? address.right : undefined
}

const decodeV1 = (line: string): ProxyHeader | string => {
  const [, family, ...rest] = line.split(" ")
  if (family === "UNKNOWN") return { version: 1, endpoints: Option.none(), extensions: [] }
  const [from = "", to = "", fromPort = "", toPort = "", ...more] = rest
  const source = textEnd(family, from, fromPort)
  const destination = textEnd(family, to, toPort)
  const isKnown = (family === "TCP4" || family === "TCP6") && more.length === 0
  if (!isKnown || source === undefined || destination === undefined) {
    return "the PROXY header is not of the form PROXY TCP4 source destination port port"
  }
  return { version: 1, endpoints: endpoints(source, destination), extensions: [] }
}

const bytesEnd = (bytes: Buffer, at: number, length: number, port: number): SocketAddress =>
  Either.getOrThrow(make(Option.getOrThrow(formatIp(bytes.subarray(at, at + length))), port))

const extensionsIn = (bytes: Buffer): ReadonlyArray<Extension> | string => {
  const found: Array<Extension> = []
  let at = 0
  while (at < bytes.length) {
    const end = at + 3 <= bytes.length ? at + 3 + bytes.readUInt16BE(at + 1) : Number.POSITIVE_INFINITY
    if (end > bytes.length) return "an extension of the PROXY header is longer than the header"
    found.push({ type: bytes[at] ?? 0, value: Uint8Array.from(bytes.subarray(at + 3, end)) })
    at = end
  }
  return found
}

/** `PP2_TYPE_CRC32C`: of the whole header, with zeros where the checksum itself is. */
const CHECKSUM = 3
const CHECKSUM_BYTES = 4

/** Whether every checksum among the extensions, which begin at `start`, is that of the header. */
const isIntact = (header: Buffer, extensions: ReadonlyArray<Extension>, start: number): boolean => {
  let value = start + 3
  for (const extension of extensions) {
    const { length } = extension.value
    if (extension.type === CHECKSUM) {
      if (length !== CHECKSUM_BYTES) return false
      const unsigned = Buffer.from(header).fill(0, value, value + CHECKSUM_BYTES)
      if (crc32c(unsigned) !== header.readUInt32BE(value)) return false
    }
    value += length + 3
  }
  return true
}

/** How many bytes the addresses have, by family: none, IPv4, IPv6, Unix. */
const ADDRESS_BYTES: ReadonlyArray<number> = [0, 12, 36, 216]

const WRONG_CHECKSUM = "the checksum of the PROXY header is wrong"

/**
 * What is local, or neither TCP over IPv4 nor IPv6, tells of nobody, and whatever it holds is to be skipped. If that is
 * extensions, though, with a checksum among them, the checksum has to be right.
 */
const skipped = (bytes: Buffer, kind: number): ProxyHeader | string => {
  const start = V2_FIXED_BYTES + (ADDRESS_BYTES[kind >> 4] ?? bytes.length)
  const extensions = extensionsIn(bytes.subarray(start))
  if (typeof extensions !== "string" && !isIntact(bytes, extensions, start)) return WRONG_CHECKSUM
  return { version: 2, endpoints: Option.none(), extensions: [] }
}

const decodeV2 = (bytes: Buffer): ProxyHeader | string => {
  const [command, kind = 0] = bytes.subarray(12)
  if (command !== LOCAL && command !== PROXY) return "the PROXY header has an unknown version or command"
  if (command === LOCAL || (kind !== TCP4 && kind !== TCP6)) return skipped(bytes, kind)
  const size = kind === TCP4 ? 4 : 16
  const ports = V2_FIXED_BYTES + 2 * size
  if (bytes.length < ports + 4) return "the PROXY header is too short for its addresses"
  const extensions = extensionsIn(bytes.subarray(ports + 4))
  if (typeof extensions === "string") return extensions
  if (!isIntact(bytes, extensions, ports + 4)) return WRONG_CHECKSUM
  const source = bytesEnd(bytes, V2_FIXED_BYTES, size, bytes.readUInt16BE(ports))
  const destination = bytesEnd(bytes, V2_FIXED_BYTES + size, size, bytes.readUInt16BE(ports + 2))
  return { version: 2, endpoints: endpoints(source, destination), extensions }
}

/**
 * Reads a header that was measured; or what is wrong with it.
 *
 * @internal
 */
export const decode = (bytes: Uint8Array): ProxyHeader | string => {
  const header = asBuffer(bytes)
  if (beginsLike(header, SIGNATURE)) return decodeV2(header)
  return decodeV1(header.toString("latin1").replace(/\r\n$/, ""))
}

const encodeV1 = ({ destination, source }: Endpoints): Uint8Array => {
  const family = source.family === "IPv4" ? "TCP4" : "TCP6"
  return Buffer.from(
    `PROXY ${family} ${source.host} ${destination.host} ${source.port} ${destination.port}\r\n`
  )
}

const encodeV2 = (ends: Endpoints | undefined, extensions: ReadonlyArray<Extension>): Uint8Array => {
  const parts: Array<Uint8Array> = []
  if (ends !== undefined) {
    const ports = Buffer.alloc(4)
    ports.writeUInt16BE(ends.source.port, 0)
    ports.writeUInt16BE(ends.destination.port, 2)
    for (const { host } of [ends.source, ends.destination]) parts.push(Option.getOrThrow(parseIp(host)))
    parts.push(ports)
  }
  for (const { type, value } of extensions)
    parts.push(Uint8Array.of(type, value.length >> 8, value.length), value)
  const rest = Buffer.concat(parts)
  const fixed = Buffer.alloc(4)
  fixed[0] = ends === undefined ? LOCAL : PROXY
  fixed[1] = ends === undefined ? 0 : ends.source.family === "IPv4" ? TCP4 : TCP6
  fixed.writeUInt16BE(rest.length, 2)
  return Buffer.concat([SIGNATURE, fixed, rest])
}

/**
 * The header as bytes; or what is wrong with it.
 *
 * @internal
 */
export const encode = (header: ProxyHeader): Uint8Array | string => {
  if (!isHeader(header)) return "a header has a version, 1 or 2, endpoints and extensions"
  const { extensions, version } = header
  const ends = Option.getOrUndefined(header.endpoints)
  const wrong = ends && adviceOnEnds(ends)
  if (wrong !== undefined) return wrong
  if (version === 1) {
    if (extensions.length > 0) return "version 1 has no extensions"
    return ends === undefined ? Buffer.from("PROXY UNKNOWN\r\n") : encodeV1(ends)
  }
  if (!extensions.every(isExtension)) return "an extension has a type, 0 to 255, and bytes"
  const size = extensions.reduce((sum, { value }) => sum + 3 + value.length, 0)
  return size <= 0xffff - 36 ? encodeV2(ends, extensions) : "the extensions do not fit"
}

/** The parts may have been put together by hand, and by code that no compiler looked at. */
const isHeader = (header: unknown): boolean =>
  Predicate.isRecord(header) &&
  (header["version"] === 1 || header["version"] === 2) &&
  Option.isOption(header["endpoints"]) &&
  Array.isArray(header["extensions"])

const isExtension = (extension: unknown): boolean => {
  if (!Predicate.isRecord(extension) || !(extension["value"] instanceof Uint8Array)) return false
  const { type } = extension
  return typeof type === "number" && Number.isInteger(type) && type >= 0 && type <= 255
}

const adviceOnEnds = (ends: unknown): string | undefined => {
  const [source, destination] = Predicate.isRecord(ends) ? [ends["source"], ends["destination"]] : []
  if (!isSocketAddress(source) || !isSocketAddress(destination)) {
    return "the source and the destination are addresses; let Address.make put them together"
  }
  if (source.family === destination.family) return undefined
  return "the source and the destination are of one version of IP"
}

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/

/**
 * An IPv4-mapped address as what it stands for; any other as it is.
 *
 * @internal
 */
export const unmapped = (address: SocketAddress): SocketAddress => {
  const host = MAPPED.exec(address.host)?.[1]
  return host === undefined ? address : Either.getOrThrow(make(host, address.port))
}
