/**
 * The protocol that Redis and its clients speak, RESP2: https://redis.io/docs/latest/develop/reference/protocol-spec/
 *
 * It is binary-safe, and so are the strings here: each character stands for one byte (`latin1`).
 */
import { Data } from "effect"

/** A command and its arguments. */
export type Request = ReadonlyArray<string>

/** What comes is not RESP2, or longer than allowed. What follows on the connection means nothing any more. */
export class ProtocolError extends Data.TaggedError("ProtocolError")<{ readonly message: string }> {}

/** So that a client cannot have the server keep whatever it likes to send. */
const limits = {
  lineBytes: 64 * 1024,
  bulkBytes: 64 * 1024 * 1024,
  arguments: 1024 * 1024,
  /** All arguments of a request together. */
  requestBytes: 128 * 1024 * 1024
}

/** An encoded answer. */
export type Reply = string

export const ok: Reply = "+OK\r\n"
export const none: Reply = "$-1\r\n"
export const noArray: Reply = "*-1\r\n"
export const status = (text: string): Reply => `+${text}\r\n`
export const error = (message: string): Reply => `-${message.replace(/[\r\n]/g, " ")}\r\n`
export const integer = (value: number | bigint): Reply => `:${value}\r\n`
export const bulk = (text: string | undefined): Reply =>
  text === undefined ? none : `$${text.length}\r\n${text}\r\n`
export const array = (items: ReadonlyArray<Reply>): Reply => `*${items.length}\r\n${items.join("")}`
export const bulks = (texts: Iterable<string | undefined>): Reply => array(Array.from(texts, bulk))

/** A number as the protocol has it: without a plus or leading zeros, and of 64 bits. */
export const parseInteger = (text: string): bigint | undefined => {
  if (!/^(0|-?[1-9]\d{0,18})$/.test(text)) return undefined
  const value = BigInt(text)
  return BigInt.asIntN(64, value) === value ? value : undefined
}

/** What has come and was not taken yet. */
class Input {
  private buffer = Buffer.alloc(0)
  private start = 0
  private end = 0

  get length(): number {
    return this.end - this.start
  }

  push(bytes: Uint8Array): void {
    if (this.end + bytes.length > this.buffer.length) this.makeRoom(bytes.length)
    this.buffer.set(bytes, this.end)
    this.end += bytes.length
  }

  /** The next line, without its end; undefined as long as that has not come. */
  line(): string | undefined {
    const length = this.buffer.subarray(this.start, this.end).indexOf("\n")
    if (length < 0) return undefined
    const line = this.take(length + 1)
    return line.slice(0, line.endsWith("\r\n") ? -2 : -1)
  }

  take(length: number): string {
    const from = this.start
    this.start += length
    return this.buffer.toString("latin1", from, this.start)
  }

  /** Twice as much as is kept, so that a long string that comes in small pieces is not copied for each of them. */
  private makeRoom(length: number): void {
    const kept = this.buffer.subarray(this.start, this.end)
    this.buffer = Buffer.alloc(Math.max(kept.length + length, 2 * kept.length))
    this.buffer.set(kept)
    this.start = 0
    this.end = kept.length
  }
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", a: "\x07" }
const inlineWord = /\s*(?:"((?:[^"\\]|\\.)*)"(?=\s|$)|'((?:[^'\\]|\\.)*)'(?=\s|$)|([^\s"']\S*))/y

const unescaped = (text: string): string =>
  text.replace(/\\(?:x([0-9a-fA-F]{2})|(.))/g, (_, hex?: string, other: string = "") =>
    hex === undefined ? (escapes[other] ?? other) : String.fromCharCode(Number.parseInt(hex, 16))
  )

/** A command as people type it: words, or texts in quotes. */
const splitInline = (line: string): Request | ProtocolError => {
  const words: Array<string> = []
  const text = line.trimEnd()
  inlineWord.lastIndex = 0
  while (inlineWord.lastIndex < text.length) {
    const [found, double, single, word] = inlineWord.exec(text) ?? []
    if (found === undefined) return new ProtocolError({ message: "unbalanced quotes in request" })
    words.push(double !== undefined ? unescaped(double) : (single?.replaceAll("\\'", "'") ?? word ?? ""))
  }
  return words
}

/** A request of which some arguments have come. */
interface Unfinished {
  readonly arguments: Array<string>
  missing: number
  /** Of the argument that comes next, once that is known. */
  length: number | undefined
  bytes: number
}

/** Takes requests from what a client sends, piece by piece. */
export class RequestReader {
  private readonly input = new Input()
  private unfinished: Unfinished | undefined

  push(bytes: Uint8Array): void {
    this.input.push(bytes)
  }

  /** The next request; undefined as long as it has not all come. After an error there is no other. */
  next(): Request | ProtocolError | undefined {
    for (;;) {
      const request = this.unfinished === undefined ? this.begin() : this.goOn(this.unfinished)
      // Without a word there is nothing to answer.
      if (request === undefined || request instanceof ProtocolError || request.length > 0) return request
    }
  }

  private begin(): Request | ProtocolError | undefined {
    const line = this.line("too big inline request")
    if (typeof line !== "string") return line
    if (!line.startsWith("*")) return splitInline(line)
    const count = parseInteger(line.slice(1))
    if (count === undefined || count > limits.arguments) {
      return new ProtocolError({ message: "invalid multibulk length" })
    }
    if (count <= 0) return []
    this.unfinished = { arguments: [], missing: Number(count), length: undefined, bytes: 0 }
    return this.goOn(this.unfinished)
  }

  private goOn(unfinished: Unfinished): Request | ProtocolError | undefined {
    while (unfinished.missing > 0) {
      if (unfinished.length === undefined) {
        const length = this.lengthOf(unfinished)
        if (typeof length !== "number") return length
        unfinished.length = length
      }
      if (this.input.length < unfinished.length + 2) return undefined
      unfinished.arguments.push(this.input.take(unfinished.length + 2).slice(0, -2))
      unfinished.missing -= 1
      unfinished.length = undefined
    }
    this.unfinished = undefined
    return unfinished.arguments
  }

  private lengthOf(unfinished: Unfinished): number | ProtocolError | undefined {
    const line = this.line("too big bulk count string")
    if (typeof line !== "string") return line
    if (!line.startsWith("$")) {
      return new ProtocolError({ message: `expected '$', got '${line.slice(0, 1)}'` })
    }
    const length = parseInteger(line.slice(1))
    const isAllowed = length !== undefined && length >= 0 && length <= limits.bulkBytes
    if (!isAllowed) return new ProtocolError({ message: "invalid bulk length" })
    unfinished.bytes += Number(length)
    return unfinished.bytes > limits.requestBytes
      ? new ProtocolError({ message: "too big request" })
      : Number(length)
  }

  private line(tooLong: string): string | ProtocolError | undefined {
    const line = this.input.line()
    const length = line === undefined ? this.input.length : line.length
    return length > limits.lineBytes ? new ProtocolError({ message: tooLong }) : line
  }
}
