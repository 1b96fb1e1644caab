import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { unsafeMakePipe } from "../../../src/Address/index.js"
import * as Iocp from "../../../src/Iocp/index.js"
import * as NamedPipe from "../../../src/Net/NamedPipe.js"
import { freeName } from "../../support/pipes.js"
import { bytes, pattern, readExactly, readToEnd, type Subject, test, text } from "../harness.js"
import { pipePair } from "../pipeHarness.js"

export const pipeEndings = (subject: Subject) => {
  test(subject, "no half ends alone: shutdown is Unsupported, and nothing has happened", () =>
    Effect.gen(function* () {
      const { client, name, server } = yield* pipePair
      for (const how of ["read", "write", "both"] as const) {
        const failure = yield* Effect.flip(client.shutdown(how, { timeout: "1 second" }))
        assert.deepInclude({ ...failure }, { _tag: "NetworkError", reason: "Unsupported", address: name })
      }
      yield* client.writeString("still here")
      assert.strictEqual(text(yield* readExactly(server, 10)), "still here")
      yield* server.writeString("so am I")
      assert.strictEqual(text(yield* readExactly(client, 7)), "so am I")
      yield* client.close
      assert.strictEqual((yield* Effect.flip(client.shutdown("write"))).reason, "Closed")
    })
  )

  test(subject, "there are no socket options", () =>
    Effect.gen(function* () {
      const { client } = yield* pipePair
      for (const attempt of [
        client.setOption("noDelay", true),
        Effect.asVoid(client.getOption("keepAlive")),
        client.setOption("lingerSeconds", 0)
      ]) {
        assert.strictEqual((yield* Effect.flip(attempt)).reason, "Unsupported")
      }
    })
  )

  test(subject, "what was written before a close is there to be read, in both directions", () =>
    Effect.gen(function* () {
      const sent = pattern(60_000)
      for (const closer of ["client", "server"] as const) {
        for (const ending of ["close", "abort"] as const) {
          const ends = yield* pipePair
          const other = closer === "client" ? ends.server : ends.client
          yield* ends[closer].writeAll(sent)
          yield* ends[closer][ending]
          assert.isTrue(Buffer.from(yield* readToEnd(other)).equals(sent))
          assert.strictEqual((yield* other.read).length, 0)
          const failure = yield* Effect.flip(other.writeString("too late"))
          assert.deepInclude({ ...failure }, { _tag: "ConnectionError", reason: "Reset", operation: "write" })
        }
      }
    })
  )

  test(subject, "a read that waits ends when the other end is closed", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pipePair
      const reading = yield* Effect.fork(server.read)
      yield* Effect.sleep("20 millis")
      yield* client.close
      assert.strictEqual((yield* Fiber.join(reading)).length, 0)
      assert.deepInclude(
        { ...(yield* Effect.flip(client.read)) },
        { _tag: "ConnectionError", reason: "Closed" }
      )
    })
  )

  test(subject, "a server that disconnects its client is a reset, and not an end", () =>
    Effect.gen(function* () {
      const address = unsafeMakePipe(freeName())
      const server = yield* Iocp.createNamedPipe({ address })
      const client = yield* NamedPipe.connect({ name: address.name })
      const reading = yield* Effect.fork(Effect.flip(client.read))
      yield* Effect.sleep("20 millis")
      yield* Iocp.disconnectNamedPipe(server)
      const reset = { _tag: "ConnectionError", reason: "Reset", code: 233 } as const
      assert.deepInclude({ ...(yield* reading) }, { ...reset, operation: "read", address: address.name })
      assert.deepInclude(
        { ...(yield* Effect.flip(client.writeString("x"))) },
        { ...reset, operation: "write" }
      )
    })
  )

  test(subject, "a peer that writes nothing has not ended", () =>
    Effect.gen(function* () {
      const address = unsafeMakePipe(freeName())
      const listener = yield* NamedPipe.listen({ name: address.name })
      const port = yield* Iocp.make()
      const peer = yield* Iocp.openPipe(address)
      yield* Iocp.associatePipe(port, peer)
      const server = yield* listener.accept
      const overlapped = yield* Iocp.makeOverlapped
      const buffer = yield* Iocp.allocateMemory(3)
      buffer.bytes.set(bytes("abc"))
      const reading = yield* Effect.fork(readExactly(server, 3))
      for (const length of [0, 0, 3, 0]) {
        yield* Iocp.writePipe(peer, overlapped, buffer, { length })
        yield* Iocp.waitForCompletion(port, "20 seconds")
      }
      assert.strictEqual(text(yield* Fiber.join(reading)), "abc")
      const failure = yield* Effect.flip(server.readWith({ timeout: "20 millis" }))
      assert.strictEqual(failure._tag, "TimeoutError")
    })
  )

  test(subject, "writes that time out are on their way, and the caller goes on from there", () =>
    Effect.gen(function* () {
      const { client, server } = yield* pipePair
      const all = pattern(3_000_000)
      let sent = 0
      let late = 0
      const reading = yield* Effect.fork(
        Effect.gen(function* () {
          const chunks: Array<Uint8Array> = []
          for (let got = 0; got < all.length; got += chunks.at(-1)?.length ?? 0) {
            chunks.push(yield* server.read)
            yield* Effect.sleep("2 millis")
          }
          return Buffer.concat(chunks)
        })
      )
      while (sent < all.length) {
        const exit = yield* Effect.either(client.writeAll(all.subarray(sent), { timeout: "10 millis" }))
        if (exit._tag === "Right") break
        assert.strictEqual(exit.left._tag, "TimeoutError")
        late += 1
        sent += (exit.left._tag === "TimeoutError" && exit.left.bytesTransferred) || 0
      }
      assert.isAbove(late, 0, "no write timed out: the test tested nothing")
      assert.isTrue((yield* Fiber.join(reading)).equals(all))
    })
  )
}
