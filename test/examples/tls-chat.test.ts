/**
 * The chat of the examples, where members do not behave.
 */
import { spawn } from "node:child_process"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { cert, key } from "../../examples/support/certificate.js"
import { serve } from "../../examples/tls-chat.js"
import * as Net from "../../src/Net/index.js"
import * as Tls from "../../src/Platform/Tls.js"
import { readToEnd, test } from "../Net/harness.js"
import { subject } from "../Platform/streams.js"
import { absenceOf } from "../support/absence.js"

const host = "127.0.0.1"

const open = Effect.gen(function* () {
  const listener = yield* Net.listen({ host, port: 0 })
  const serving = yield* Effect.forkScoped(serve(listener, { cert, key }))
  return { port: listener.address.port, close: Fiber.interrupt(serving) }
})

/** Reads lines until one is this. */
const until = (connection: Net.Connection, wanted: string): Effect.Effect<void, unknown> =>
  Effect.flatMap(connection.readLine, (line) => {
    if (Option.isNone(line)) return Effect.fail(new Error(`the end came before ${JSON.stringify(wanted)}`))
    return line.value === wanted ? Effect.void : until(connection, wanted)
  })

const enter = (port: number, name: string) =>
  Effect.gen(function* () {
    const connection = yield* Tls.connect({ host, port, ca: cert })
    yield* connection.writeString(`${name}\n`)
    yield* until(connection, `* ${name} is here`)
    return connection
  })

test(subject, "three hear each other, and when one is cut off", () =>
  Effect.gen(function* () {
    const { port } = yield* open
    const [one, two, three] = [
      yield* enter(port, "one"),
      yield* enter(port, "two"),
      yield* enter(port, "three")
    ]
    yield* three.writeString("grüß euch\n")
    yield* until(one, "three: grüß euch")
    yield* until(two, "three: grüß euch")
    yield* two.abort
    yield* until(one, "* two has left")
    yield* until(three, "* two has left")
  })
)

test(subject, "there is only one of a name, until he leaves", () =>
  Effect.gen(function* () {
    const { port } = yield* open
    const first = yield* enter(port, "one")
    const second = yield* Tls.connect({ host, port, ca: cert })
    yield* second.writeString("one\n")
    yield* until(second, "There is one of that name already.")
    const witness = yield* enter(port, "witness")
    yield* first.close
    yield* until(witness, "* one has left")
    yield* enter(port, "one")
  })
)

test(subject, "who does not read is shown out, and holds nobody up", () =>
  Effect.gen(function* () {
    const { port } = yield* open
    const deaf = yield* enter(port, "deaf")
    const two = yield* enter(port, "two")
    // Half of what is kept for a member who is behind, and then he catches up: he himself is never shown out.
    const words = `${`${"x".repeat(900)}\n`.repeat(49)}over\n`
    const talkUntil = (wanted: string): Effect.Effect<void, unknown> =>
      Effect.gen(function* () {
        yield* two.writeString(words)
        for (;;) {
          const line = Option.getOrThrow(yield* two.readLine)
          if (line === wanted) return
          if (line === "two: over") return yield* talkUntil(wanted)
        }
      })
    yield* talkUntil("* deaf has left")
    yield* Effect.either(readToEnd(deaf))
  })
)

test(subject, "who cannot do TLS, or says too much in one line, leaves the others alone", () =>
  Effect.gen(function* () {
    const { port } = yield* open
    const one = yield* enter(port, "one")
    const plain = yield* Net.connect({ host, port })
    yield* plain.writeString("hello?\n")
    yield* Effect.either(readToEnd(plain))
    const loud = yield* enter(port, "loud")
    yield* loud.writeString("x".repeat(5000))
    yield* until(one, "* loud has left")
  })
)

test(subject, "all hear that the room closes", () =>
  Effect.gen(function* () {
    const { close, port } = yield* open
    const one = yield* enter(port, "one")
    const two = yield* enter(port, "two")
    yield* close
    yield* until(one, "* the room closes")
    yield* until(two, "* the room closes")
    assert.strictEqual((yield* readToEnd(one)).length, 0)
  })
)

const noOpenssl = absenceOf("openssl")

describe.skipIf(noOpenssl !== undefined)(`openssl s_client ${noOpenssl ?? ""}`, () => {
  test(subject, "is a member like any other", () =>
    Effect.gen(function* () {
      const { port } = yield* open
      const one = yield* enter(port, "one")
      const child = yield* Effect.acquireRelease(
        Effect.sync(() => spawn("openssl", ["s_client", "-quiet", "-connect", `${host}:${port}`])),
        (child) => Effect.sync(() => child.kill("SIGKILL"))
      )
      child.stdin.write("guest\nhello\n")
      yield* until(one, "* guest is here")
      yield* until(one, "guest: hello")
      yield* Effect.async<void>((resume) => {
        let said = ""
        child.stdout.on("data", (bytes: Buffer) => {
          said += bytes.toString()
          if (said.includes("one: welcome\n")) resume(Effect.void)
        })
        Effect.runFork(one.writeString("welcome\n"))
      })
    })
  )
})
