/**
 * Opens an epoll instance that nobody closes, and then ends, or is ended, in the way that its argument names.
 */
import { fileURLToPath } from "node:url"
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import { EPOLLIN } from "../../../src/Epoll/Constants.js"
import { EpollWaiter } from "../../../src/Epoll/EpollWaiter.js"
import * as Epoll from "../../../src/Epoll/index.js"

/** An instance and a pipe that is registered with it, in a scope that is never closed. */
const opened = Effect.gen(function* () {
  const scope = yield* Scope.make()
  const epoll = yield* Scope.extend(Epoll.make(), scope)
  const pipe = yield* Scope.extend(Epoll.makePipe, scope)
  yield* Epoll.register(epoll, pipe.reader, { readable: true })
  return { epoll, reader: pipe.reader, write: Epoll.tryWrite(pipe.writer, new Uint8Array(1)) }
})

const later = (run: () => void) => setTimeout(run, 50)

const say = (text: string) => Effect.sync(() => console.log(text))

/** Waits in a fiber; says what came. */
const waiting = (epoll: Epoll.Epoll) =>
  Effect.fork(Effect.flatMap(Epoll.wait(epoll), (event) => say(event._tag)))

const inWorker = (way: string, onMessage: (worker: Worker) => void) =>
  Effect.async<void>((resume) => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: way })
    worker.once("message", () => onMessage(worker))
    worker.once("exit", (code) => {
      console.log(`worker ${code}`)
      resume(Effect.void)
    })
  })

const ways: Record<string, Effect.Effect<unknown, unknown>> = {
  /** Nobody has waited; a descriptor is ready. */
  idle: Effect.flatMap(opened, ({ write }) => write),

  /** Somebody has waited, and left the event where it is. */
  lingering: Effect.gen(function* () {
    const { epoll, write } = yield* opened
    const fiber = yield* waiting(epoll)
    yield* Effect.yieldNow()
    yield* write
    yield* Fiber.join(fiber)
  }),

  interrupted: Effect.gen(function* () {
    const { epoll } = yield* opened
    const fiber = yield* waiting(epoll)
    yield* Effect.sleep(20)
    yield* Fiber.interrupt(fiber)
  }),

  /** Nothing but the wait keeps the process alive until the event comes. */
  alive: Effect.gen(function* () {
    const { epoll, write } = yield* opened
    later(() => Effect.runSync(write)).unref()
    yield* Epoll.wait(epoll)
  }),

  exit: Effect.gen(function* () {
    const { epoll } = yield* opened
    later(() => process.exit(7))
    yield* Epoll.wait(epoll)
  }),

  /** The wait is told of something that nobody will come to take. */
  exitWhenReady: Effect.gen(function* () {
    const { epoll, write } = yield* opened
    yield* waiting(epoll)
    yield* Effect.sleep(20)
    yield* write
    process.exit(7)
  }),

  throw: Effect.gen(function* () {
    const { epoll } = yield* opened
    later(() => {
      throw new Error("thrown beside a wait")
    })
    yield* Epoll.wait(epoll)
  }),

  /** What an engine throws when it is told is an uncaught exception like any other. */
  throwWhenTold: Effect.gen(function* () {
    const scope = yield* Scope.make()
    const waiter = yield* Scope.extend(EpollWaiter.make, scope)
    const { reader, writer } = yield* Scope.extend(Epoll.makePipe, scope)
    waiter.add(reader.fd, EPOLLIN, 1, 0)
    waiter.park(() => {
      throw new Error("thrown when told")
    })
    yield* Epoll.tryWrite(writer, new Uint8Array(1))
    yield* Effect.never
  }),

  workerWorks: inWorker("talk", () => {}),
  workerTerminatedInTraffic: inWorker("traffic", (worker) => void worker.terminate()),
  workerTerminated: inWorker("wait", (worker) => void worker.terminate()),
  workerTerminatedAfterwards: inWorker("waited", (worker) => void worker.terminate()),
  workerExits: inWorker("exit", () => {})
}

/** Waits, takes the byte that has come, and sends another. */
const turn = ({ epoll, reader, write }: Effect.Effect.Success<typeof opened>) =>
  Effect.zipRight(
    Epoll.wait(epoll),
    Effect.zipRight(Epoll.tryRead(reader, new Uint8Array(1)), Effect.delay(write, 0))
  )

const workerWays: Record<string, Effect.Effect<unknown, unknown>> = {
  talk: Effect.flatMap(opened, (end) => Effect.zipRight(end.write, Effect.repeatN(turn(end), 50))),
  traffic: Effect.gen(function* () {
    const end = yield* opened
    yield* end.write
    yield* Effect.repeatN(turn(end), 20)
    parentPort?.postMessage("in traffic")
    yield* Effect.forever(turn(end))
  }),
  wait: Effect.flatMap(opened, ({ epoll }) => {
    later(() => parentPort?.postMessage("waiting"))
    return Epoll.wait(epoll)
  }),
  waited: Effect.gen(function* () {
    const { epoll, write } = yield* opened
    yield* Effect.fork(Effect.delay(write, 20))
    yield* Epoll.wait(epoll)
    parentPort?.postMessage("waited")
    yield* Effect.sleep("1 hour")
  }),
  exit: Effect.flatMap(opened, ({ epoll }) => {
    later(() => process.exit(5))
    return Epoll.wait(epoll)
  })
}

const chosen = isMainThread ? ways[process.argv[2] ?? ""] : workerWays[String(workerData)]
await Effect.runPromise(chosen ?? Effect.die("no such way"))
if (isMainThread) console.log("done")
