/**
 * A chat over TLS: lines, said by one and read by all.
 *
 *     node build/examples/tls-chat.js 8443 cert.pem key.pem       a room on 127.0.0.1, until Ctrl-C
 *     openssl s_client -quiet -connect 127.0.0.1:8443             a member
 *
 * Without arguments there are a room, and Alice and Bob, who say a few words to each other.
 *
 * Nobody waits for a member who does not read: what is said to one is kept for a while, and who lets too much come
 * together is shown out.
 */
import { readFileSync } from "node:fs"
import { Console, Effect, Fiber, Option, Queue } from "effect"
import { Address, type Errors, Net } from "effect-iocp"
import { Tls } from "effect-iocp/Platform"
import { cert, key } from "./support/certificate.js"
import { runIfStarted } from "./support/runMain.js"

/** So many lines are kept for a member who does not read. */
const LINES_KEPT = 100
const LONGEST_LINE_BYTES = 1024
/** How long a member has to take the last words. */
const LAST_WORDS = "1 second"

/** Who is there, and what each has still to be told. */
class Room {
  private readonly members = new Map<string, Queue.Queue<string>>()

  /** Answers with what the member is told from now on; none if the name is taken. */
  enter(name: string): Effect.Effect<Option.Option<Queue.Dequeue<string>>> {
    return Effect.gen(this, function* () {
      if (this.members.has(name)) return Option.none()
      const lines = yield* Queue.dropping<string>(LINES_KEPT)
      this.members.set(name, lines)
      yield* this.say(`* ${name} is here`)
      return Option.some(lines)
    })
  }

  leave(name: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const lines = this.members.get(name)
      if (lines === undefined) return Effect.void
      this.members.delete(name)
      return Effect.zipRight(Queue.shutdown(lines), this.say(`* ${name} has left`))
    })
  }

  /** Tells everybody. Whose queue is full has to leave. */
  say(line: string): Effect.Effect<void> {
    return Effect.forEach(
      [...this.members],
      ([name, lines]) =>
        Effect.flatMap(Queue.offer(lines, line), (kept) => (kept ? Effect.void : this.leave(name))),
      { discard: true }
    )
  }
}

const line = (connection: Net.Connection) => connection.readLineWith({ maxBytes: LONGEST_LINE_BYTES })

/** One member, from the name to the end. */
const attend = (room: Room) => (connection: Net.Connection) =>
  Effect.gen(function* () {
    yield* connection.writeString("Who are you?\n")
    const answer = yield* line(connection)
    const name = Option.getOrElse(answer, () => "").trim()
    if (name === "") return
    const entered = yield* room.enter(name)
    if (Option.isNone(entered)) return yield* connection.writeString("There is one of that name already.\n")
    const listening = Effect.forever(
      Effect.flatMap(Queue.take(entered.value), (said) => connection.writeString(`${said}\n`))
    )
    const talking = Effect.flatMap(line(connection), (first) =>
      Effect.iterate(first, {
        while: Option.isSome<string>,
        body: (said) => Effect.zipRight(room.say(`${name}: ${said.value}`), line(connection))
      })
    )
    yield* Effect.ensuring(Effect.raceFirst(listening, talking), room.leave(name))
  }).pipe(
    // Said as well as may be, to who can still hear it.
    Effect.onInterrupt(() =>
      Effect.ignore(connection.writeString("* the room closes\n", { timeout: LAST_WORDS }))
    )
  )

/** A room, until it is interrupted. Who cannot do TLS, or breaks off, is nobody's concern but his own. */
export const serve = (
  listener: Net.Listener,
  identity: Tls.Identity
): Effect.Effect<never, Errors.SocketError> =>
  Effect.suspend(() =>
    Tls.serve(listener, identity, attend(new Room()), {
      onFailure: (cause) => Effect.logDebug("a member broke off", cause)
    })
  )

/** A member who comes in, and answers with what is said until one line of it. */
const member = (port: number, name: string) =>
  Effect.gen(function* () {
    const connection = yield* Tls.connect({ host: "localhost", port, ca: cert })
    const until = (last: string) =>
      Effect.gen(function* () {
        for (;;) {
          const heard = Option.getOrElse(yield* connection.readLine, () => "(nothing more)")
          yield* Console.log(`${name} reads: ${heard}`)
          if (heard === last || heard === "(nothing more)") return
        }
      })
    yield* until("Who are you?")
    yield* connection.writeString(`${name}\n`)
    yield* until(`* ${name} is here`)
    return { say: (words: string) => connection.writeString(`${words}\n`), until }
  })

const conversation = Effect.gen(function* () {
  const listener = yield* Net.listen({ host: "localhost", port: 0 })
  const serving = yield* Effect.forkScoped(serve(listener, { cert, key }))
  const alice = yield* member(listener.address.port, "Alice")
  yield* Effect.scoped(
    Effect.gen(function* () {
      const bob = yield* member(listener.address.port, "Bob")
      yield* bob.say("Can anybody read this?")
      yield* alice.until("Bob: Can anybody read this?")
      yield* alice.say("Only we two.")
      yield* bob.until("Alice: Only we two.")
    })
  )
  yield* alice.until("* Bob has left")
  yield* Fiber.interrupt(serving)
  yield* alice.until("* the room closes")
})

const open = (port: number, identity: Tls.Identity) =>
  Effect.gen(function* () {
    const listener = yield* Net.listen({ host: "127.0.0.1", port })
    yield* Console.log(`the room is ${Address.format(listener.address)}; Ctrl-C closes it`)
    return yield* serve(listener, identity)
  })

export const program = conversation.pipe(Effect.scoped, Effect.provide(Net.layer))

const [port, certFile, keyFile] = process.argv.slice(2)
const identity = Effect.sync(() => ({
  cert: certFile === undefined ? cert : readFileSync(certFile, "utf8"),
  key: keyFile === undefined ? key : readFileSync(keyFile, "utf8")
}))
const opened = Effect.flatMap(identity, (files) => open(Number(port), files))
runIfStarted(
  import.meta,
  port === undefined ? program : opened.pipe(Effect.scoped, Effect.provide(Net.layer))
)
