/**
 * Bytes for tests: to send, to collect, to compare. Loads nothing native.
 */
import * as Effect from "effect/Effect"
import type { AnyConnection } from "../../src/Net/index.js"

/** Reads until the end of the stream. */
export const readToEnd = (connection: AnyConnection) =>
  Effect.gen(function* () {
    const chunks: Array<Uint8Array> = []
    for (;;) {
      const chunk = yield* connection.read
      if (chunk.length === 0) return concat(chunks)
      chunks.push(chunk)
    }
  })

/** Reads so many bytes, or until the end of the stream. */
export const readExactly = (connection: AnyConnection, length: number) =>
  Effect.gen(function* () {
    const chunks: Array<Uint8Array> = []
    for (let got = 0; got < length; ) {
      const chunk = yield* connection.readWith({ maxBytes: length - got })
      if (chunk.length === 0) break
      chunks.push(chunk)
      got += chunk.length
    }
    return concat(chunks)
  })

export const concat = (chunks: ReadonlyArray<Uint8Array>): Buffer => Buffer.concat(chunks)

export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Bytes whose order shows: each one says where it stands, counted from `from`. */
export const pattern = (length: number, from = 0): Uint8Array => {
  const filled = new Uint8Array(length)
  for (let index = 0; index < length; index++) {
    filled[index] = ((from + index) * 31 + ((from + index) >> 8)) & 0xff
  }
  return filled
}
