/**
 * Messages of the domain name system (RFC 1035, section 4), as far as a responder and its client need them: one question,
 * records of type A, AAAA and TXT, and the size of datagrams that EDNS (RFC 6891) lets a client offer.
 *
 * A name is a text here, in lower case: its labels with dots between. What in a label is not a letter, a digit, `-` or `_` is
 * written as in zone files, `\046` for a dot. The root is the empty text.
 */

import { Option } from "effect"
import { Address } from "effect-iocp"

export const types = { A: 1, TXT: 16, AAAA: 28, OPT: 41, ANY: 255 } as const
export const classes = { IN: 1, ANY: 255 } as const
export const codes = {
  NoError: 0,
  FormErr: 1,
  ServFail: 2,
  NxDomain: 3,
  NotImp: 4,
  Refused: 5,
  BadVers: 16
} as const

/** What a client without EDNS takes. */
export const PLAIN_BYTES = 512
/** What fits through nearly every network in one piece. */
const OFFERED_BYTES = 1232

const HEADER_BYTES = 12
const MOST_NAME_BYTES = 255
const MOST_LABEL_BYTES = 63
/** A name that goes back to the first one: the question's. */
const POINTER_TO_QUESTION = 0xc000 | HEADER_BYTES

const flags = {
  response: 0x8000,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100
} as const
const OPCODE = 0x7800

export interface Question {
  readonly name: string
  readonly type: number
  readonly class: number
}

export interface Query {
  readonly id: number
  readonly opcode: number
  readonly recursionDesired: boolean
  readonly question: Question
  /** The question as it came: an answer repeats it to the letter. */
  readonly questionBytes: Uint8Array
  /** The version of EDNS, and the largest datagram that the client takes; `undefined` if it says nothing of it. */
  readonly edns: { readonly version: number; readonly bytes: number } | undefined
}

export interface ResourceRecord {
  readonly name: string
  readonly type: number
  readonly ttlSeconds: number
  readonly data: Uint8Array
}

export interface Response {
  readonly id: number
  readonly code: number
  readonly isTruncated: boolean
  readonly records: ReadonlyArray<ResourceRecord>
}

/** What came is no message, or not all of one. Nothing but `reading` throws it, and nothing but that sees it. */
class Malformed extends Error {}

const malformed = (): never => {
  throw new Malformed()
}

/** What `read` answers; `undefined` if it found that the bytes make no sense. */
const reading = <A>(read: () => A): A | undefined => {
  try {
    return read()
  } catch (failure) {
    if (failure instanceof Malformed) return undefined
    throw failure
  }
}

const isPlain = (code: number): boolean => /[a-z0-9_-]/.test(String.fromCharCode(code))

const labelText = (label: Uint8Array): string =>
  [...label]
    .map((byte) => (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte))
    .map((byte) => (isPlain(byte) ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, "0")}`))
    .join("")

const labelBytes = (label: string): Uint8Array =>
  Uint8Array.from([...label.matchAll(/\\(\d{3})|([^\\])/g)], ([, code, character]) =>
    code === undefined ? (character?.charCodeAt(0) ?? 0) : Number(code)
  )

/** Goes through the bytes of a message, and never beyond them. */
class Reader {
  at = 0
  private readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  take(count: number): Uint8Array {
    if (this.at + count > this.bytes.length) return malformed()
    this.at += count
    return this.bytes.subarray(this.at - count, this.at)
  }

  uint8(): number {
    return this.take(1)[0] ?? 0
  }

  uint16(): number {
    return (this.uint8() << 8) | this.uint8()
  }

  uint32(): number {
    return this.uint16() * 0x1_0000 + this.uint16()
  }

  /** A name. Where it goes on elsewhere, that has to be further to the front each time: so it comes to an end. */
  name(): string {
    const labels: Array<string> = []
    let bytes = 1
    let before = this.at
    let after: number | undefined
    for (let length = this.uint8(); length > 0; length = this.uint8()) {
      if (length > MOST_LABEL_BYTES) {
        const target = length >= 0xc0 ? ((length & 0x3f) << 8) | this.uint8() : malformed()
        if (target >= before) return malformed()
        after ??= this.at
        before = target
        this.at = target
        continue
      }
      bytes += 1 + length
      if (bytes > MOST_NAME_BYTES) return malformed()
      labels.push(labelText(this.take(length)))
    }
    this.at = after ?? this.at
    return labels.join(".")
  }

  question(): Question {
    return { name: this.name(), type: this.uint16(), class: this.uint16() }
  }

  record(): ResourceRecord & { readonly class: number } {
    const name = this.name()
    const [type, class_, ttlSeconds] = [this.uint16(), this.uint16(), this.uint32()]
    return { name, type, class: class_, ttlSeconds, data: this.take(this.uint16()) }
  }
}

/** Writes a message, its parts one after the other. */
class Writer {
  private readonly parts: Array<number> = []

  uint8(value: number): this {
    this.parts.push(value & 0xff)
    return this
  }

  uint16(value: number): this {
    return this.uint8(value >> 8).uint8(value)
  }

  uint32(value: number): this {
    return this.uint16(value >>> 16).uint16(value)
  }

  bytes(bytes: Uint8Array): this {
    for (const byte of bytes) this.parts.push(byte)
    return this
  }

  name(name: string): this {
    for (const label of name === "" ? [] : name.split(".")) {
      const bytes = labelBytes(label)
      this.uint8(bytes.length).bytes(bytes)
    }
    return this.uint8(0)
  }

  header(id: number, flagBits: number, counts: readonly [number, number, number, number]): this {
    this.uint16(id).uint16(flagBits)
    for (const count of counts) this.uint16(count)
    return this
  }

  /** The pseudo-record of EDNS: the size of datagrams in the place of a class, the rest of a code in that of a time. */
  opt(codeBits: number): this {
    return this.name("").uint16(types.OPT).uint16(OFFERED_BYTES).uint8(codeBits).uint8(0).uint16(0).uint16(0)
  }

  get length(): number {
    return this.parts.length
  }

  done(): Uint8Array {
    return Uint8Array.from(this.parts)
  }
}

const readQuery = (bytes: Uint8Array): Query => {
  const reader = new Reader(bytes)
  const [id, bits] = [reader.uint16(), reader.uint16()]
  const [questions, answers, authorities, additional] = [
    reader.uint16(),
    reader.uint16(),
    reader.uint16(),
    reader.uint16()
  ]
  if (questions !== 1 || answers > 0 || authorities > 0) return malformed()
  const question = reader.question()
  const questionBytes = bytes.subarray(HEADER_BYTES, reader.at)
  let edns: Query["edns"]
  for (let count = 0; count < additional; count++) {
    const record = reader.record()
    if (record.type !== types.OPT) continue
    if (edns !== undefined || record.name !== "") return malformed()
    edns = { version: (record.ttlSeconds >>> 16) & 0xff, bytes: record.class }
  }
  return {
    id,
    opcode: (bits & OPCODE) >> 11,
    recursionDesired: (bits & flags.recursionDesired) !== 0,
    question,
    questionBytes,
    edns
  }
}

/**
 * What a datagram asks. `malformed`: it is a message that makes no sense, and may be told so. `undefined`: it is no query at
 * all; to answer what may be an answer would have two responders talk for ever.
 */
export const decodeQuery = (bytes: Uint8Array): Query | { readonly malformed: number } | undefined => {
  if (bytes.length < HEADER_BYTES) return undefined
  const header = new Reader(bytes)
  const [id, bits] = [header.uint16(), header.uint16()]
  if ((bits & flags.response) !== 0) return undefined
  return reading(() => readQuery(bytes)) ?? { malformed: id }
}

/** "That made no sense": a header, and nothing else. */
export const encodeFormErr = (id: number): Uint8Array =>
  new Writer().header(id, flags.response | codes.FormErr, [0, 0, 0, 0]).done()

/** The answer to a query: the records if they fit, else word that there are more than fit. */
export const encodeResponse = (
  query: Query,
  code: number,
  records: ReadonlyArray<ResourceRecord>
): Uint8Array => {
  const room = Math.max(PLAIN_BYTES, Math.min(query.edns?.bytes ?? 0, OFFERED_BYTES))
  const whole = writeResponse(query, code, records, 0)
  return whole.length <= room ? whole.done() : writeResponse(query, code, [], flags.truncated).done()
}

const writeResponse = (
  { edns, id, opcode, questionBytes, recursionDesired }: Query,
  code: number,
  records: ReadonlyArray<ResourceRecord>,
  truncated: number
): Writer => {
  const desired = recursionDesired ? flags.recursionDesired : 0
  const bits = flags.response | (opcode << 11) | flags.authoritative | truncated | desired | (code & 0xf)
  const writer = new Writer()
    .header(id, bits, [1, records.length, 0, edns === undefined ? 0 : 1])
    .bytes(questionBytes)
  for (const { data, ttlSeconds, type } of records) {
    writer.uint16(POINTER_TO_QUESTION).uint16(type).uint16(classes.IN).uint32(ttlSeconds)
    writer.uint16(data.length).bytes(data)
  }
  return edns === undefined ? writer : writer.opt(code >> 4)
}

export const encodeQuery = (id: number, { name, type, class: class_ }: Question): Uint8Array =>
  new Writer().header(id, flags.recursionDesired, [1, 0, 0, 0]).name(name).uint16(type).uint16(class_).done()

const readResponse = (bytes: Uint8Array): Response => {
  const reader = new Reader(bytes)
  const [id, bits, questions, answers] = [reader.uint16(), reader.uint16(), reader.uint16(), reader.uint16()]
  reader.take(4)
  if ((bits & flags.response) === 0) return malformed()
  for (let count = 0; count < questions; count++) reader.question()
  const records = Array.from({ length: answers }, () => reader.record())
  return { id, code: bits & 0xf, isTruncated: (bits & flags.truncated) !== 0, records }
}

/** What a responder answered; `undefined` if that makes no sense. */
export const decodeResponse = (bytes: Uint8Array): Response | undefined => reading(() => readResponse(bytes))

/** The data of a record that is an IP address. */
export const addressData = (text: string): Uint8Array => Option.getOrThrow(Address.parseIp(text))

/** The data of a text: pieces of up to 255 bytes, each with its length in front. */
export const textData = (text: string): Uint8Array => {
  const bytes = new TextEncoder().encode(text)
  const writer = new Writer()
  for (let at = 0; at === 0 || at < bytes.length; at += 255) {
    const piece = bytes.subarray(at, at + 255)
    writer.uint8(piece.length).bytes(piece)
  }
  return writer.done()
}

const joinedText = (data: Uint8Array): string => {
  const reader = new Reader(data)
  const pieces: Array<Uint8Array> = []
  while (reader.at < data.length) pieces.push(reader.take(reader.uint8()))
  return Buffer.concat(pieces).toString()
}

/** The data of a record, for people. */
export const dataText = ({ data, type }: ResourceRecord): string =>
  type === types.TXT
    ? JSON.stringify(reading(() => joinedText(data)) ?? "")
    : Option.getOrElse(Address.formatIp(data), () => `${data.length} bytes`)
