/**
 * The soak: rounds of conversations on real sockets, and what must hold when they are over.
 *
 * A round opens a listener, serves it with limits that the seed chooses, and lets dozens of clients talk to it at
 * once, some of which are interrupted from outside wherever they are. Then the serving is interrupted too. After every
 * round everything that was submitted has retired and every socket is closed; after the last one, and with the service
 * closed, descriptors or handles and foreign memory are back where they were, and the process has not grown.
 *
 * It ends by itself, after so many rounds or so much time; a round that hangs is a failure and ends it as well.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Net from "../../../src/Net/index.js"
import { openHandles, type Resources, resources } from "../../support/resources.js"
import { pick } from "./conversations.js"
import { growth, mebibytes, residentBytes } from "./memory.js"
import { isGone, serveOne } from "./protocol.js"
import { derived, makeRandom, type Random } from "./random.js"

export interface SoakOptions {
  /** What is chosen is chosen by it; when things happen is not. */
  readonly seed: number
  readonly rounds: number
  /** No limit if absent. */
  readonly milliseconds?: number | undefined
  /** Conversations in a round. */
  readonly conversations: number
  /** Conversations at once. */
  readonly concurrency: number
  readonly onRound?: ((progress: Progress) => void) | undefined
}

export interface Progress {
  readonly rounds: number
  readonly conversations: number
  readonly interrupted: number
  readonly submitted: number
  readonly residentBytes: number
}

export interface SoakResult extends Progress {
  readonly retired: number
  /** How many conversations of each kind there were. */
  readonly kinds: ReadonlyMap<string, number>
  readonly before: Resources
  readonly after: Resources
  /** What the memory did, in words. */
  readonly memory: string
  /** Empty: every invariant held. */
  readonly failures: ReadonlyArray<string>
}

/** A round takes well under a second natively. This ends one that hangs. */
const ROUND_LIMIT = "2 minutes"

/** So many failures tell enough. */
const MOST_FAILURES = 20

const INTERRUPTED_SHARE = 0.15

class Soak {
  readonly failures: Array<string> = []
  readonly kinds = new Map<string, number>()
  readonly resident: Array<number> = []
  readonly options: SoakOptions
  rounds = 0
  conversations = 0
  interrupted = 0
  submitted = 0
  retired = 0
  private readonly random: Random

  constructor(options: SoakOptions) {
    this.options = options
    this.random = makeRandom(options.seed)
  }

  get progress(): Progress {
    const { conversations, interrupted, rounds, submitted } = this
    return { rounds, conversations, interrupted, submitted, residentBytes: this.resident.at(-1) ?? 0 }
  }

  fail(what: string): void {
    if (this.failures.length < MOST_FAILURES) this.failures.push(what)
  }

  /** Rounds until one of the bounds is reached, or a failure makes more of them pointless. */
  get run(): Effect.Effect<void, never, Net.Net> {
    const end = performance.now() + (this.options.milliseconds ?? Number.POSITIVE_INFINITY)
    const isOver = () =>
      this.failures.length > 0 || this.rounds >= this.options.rounds || performance.now() >= end
    return Effect.repeat(Effect.zipRight(this.round, this.look), { until: isOver }).pipe(Effect.asVoid)
  }

  private get round(): Effect.Effect<void, never, Net.Net> {
    return Effect.scoped(this.roundInScope).pipe(
      Effect.disconnect,
      Effect.timeoutFail({ duration: ROUND_LIMIT, onTimeout: () => "it hangs" }),
      Effect.catchAllCause((cause) =>
        Effect.sync(() => this.fail(`round ${this.rounds}: ${Cause.pretty(cause)}`))
      )
    )
  }

  private readonly roundInScope = Effect.gen(this, function* () {
    const { concurrency, conversations } = this.options
    const listener = yield* Net.listen({ host: "127.0.0.1", port: 0 })
    const serving = yield* Effect.forkScoped(listener.serve(serveOne, this.serveOptions()))
    const one = () => this.conversation(listener.address.port)
    yield* Effect.forEach(Array(conversations), one, { concurrency, discard: true })
    yield* Fiber.interrupt(serving)
  })

  private serveOptions(): Net.ServeOptions<unknown> {
    const { random } = this
    return {
      maxConnections: random.chance(0.5) ? undefined : random.between(2, this.options.concurrency),
      idleTimeout: "30 seconds",
      handshakeTimeout: "30 seconds",
      drainTimeout: random.chance(0.5) ? 0 : 20,
      onFailure: (cause) => Effect.sync(() => this.judgeHandler(cause))
    }
  }

  private judgeHandler(cause: Cause.Cause<unknown>): void {
    const isExpected = Cause.isFailType(cause) && isGone(cause.error)
    if (!isExpected) this.fail(`a handler, in round ${this.rounds}: ${Cause.pretty(cause)}`)
  }

  /** One conversation, perhaps interrupted from outside. */
  private conversation(port: number): Effect.Effect<void, never, Net.Net> {
    return Effect.suspend(() => {
      const index = this.conversations
      this.conversations += 1
      const random = derived(this.options.seed, index)
      const { conversation, name } = pick(random)
      this.kinds.set(name, (this.kinds.get(name) ?? 0) + 1)
      const patience = random.chance(INTERRUPTED_SHARE) ? random.below(10) : undefined
      const whole = Effect.scoped(conversation(port, random))
      return Effect.map(patience === undefined ? Effect.exit(whole) : cutShort(whole, patience), (exit) => {
        if (Exit.isSuccess(exit)) return
        if (patience !== undefined && Exit.isInterrupted(exit)) this.interrupted += 1
        else this.fail(`conversation ${index}, ${name}: ${Cause.pretty(exit.cause)}`)
      })
    })
  }

  private readonly look = Effect.gen(this, function* () {
    const { inFlight, openSockets, retired, submitted } = yield* Net.statistics
    this.rounds += 1
    this.submitted = submitted
    this.retired = retired
    this.resident.push(residentBytes())
    if (inFlight !== 0) this.fail(`${inFlight} operations in flight after round ${this.rounds}`)
    if (retired !== submitted) this.fail(`${submitted} operations submitted, ${retired} retired`)
    if (openSockets !== 0) {
      // A failure either way; whether it is a leak, or nobody waited for a close, says where to look.
      const later = yield* Effect.delay(Net.statistics, "1 second")
      const words = `${openSockets} sockets open after round ${this.rounds}, ${later.openSockets} a second later`
      this.fail(words)
    }
    this.options.onRound?.(this.progress)
  })
}

const cutShort = <E>(whole: Effect.Effect<void, E, Net.Net>, milliseconds: number) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.fork(whole)
    yield* Effect.sleep(milliseconds)
    return yield* Fiber.interrupt(fiber)
  })

/** One round on a service of its own: first uses open what stays open, libraries and libuv's own descriptors. */
const warmUp = (options: SoakOptions) =>
  Effect.provide(new Soak({ ...options, rounds: 1, onRound: undefined }).run, Net.layer)

/** libuv gives its own handles back a turn later. */
const settled = (before: Resources): Effect.Effect<Resources> =>
  Effect.gen(function* () {
    for (let turn = 0; turn < 50 && openHandles() > before.handles; turn++) yield* Effect.sleep("10 millis")
    return resources()
  })

const judgeMemory = (soak: Soak): string => {
  const found = growth(soak.resident)
  if (found === undefined) return `${soak.resident.length} samples, too few to judge`
  const words = `${mebibytes(found.before)} in the second quarter, ${mebibytes(found.after)} in the last`
  if (!found.isFlat) soak.fail(`the process grew: ${words}`)
  return words
}

const judgeResources = (soak: Soak, before: Resources, after: Resources): void => {
  if (after.handles > before.handles) {
    soak.fail(`${after.handles} descriptors or handles open, ${before.handles} at the start`)
  }
  if (after.foreignBytes !== before.foreignBytes) {
    soak.fail(`${after.foreignBytes} bytes of foreign memory, ${before.foreignBytes} at the start`)
  }
}

/** Runs it on this platform's own service. */
export const soak = (options: SoakOptions) =>
  Effect.gen(function* () {
    yield* warmUp(options)
    const before = resources()
    const running = new Soak(options)
    yield* Effect.provide(running.run, Net.layer)
    const after = yield* settled(before)
    judgeResources(running, before, after)
    const memory = judgeMemory(running)
    const { failures, kinds, retired } = running
    return { ...running.progress, retired, kinds, before, after, memory, failures } satisfies SoakResult
  })
