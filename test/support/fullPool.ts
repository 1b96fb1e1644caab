/**
 * A moment in which libuv's pool has no free thread: each waits for something that comes when the test says so. What needs a
 * thread waits behind that; what goes on needs none.
 */
import { execFileSync } from "node:child_process"
import { close, closeSync, constants, open, openSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { ForeignMemory } from "../../src/Foreign/Memory.js"
import { kernel32 } from "../../src/Iocp/Kernel32.js"
import { PortWaiter } from "../../src/Iocp/PortWaiter.js"
import { temporaryFolder } from "./folder.js"

const THREADS = Number.parseInt(process.env["UV_THREADPOOL_SIZE"] ?? "4", 10)

const FOREVER_MILLISECONDS = 0x7fff_ffff
/** Of an OVERLAPPED_ENTRY. */
const ENTRY_BYTES = 32

/** Sets the threads free, the first time that it is run, and waits until they are. */
type Release = Effect.Effect<void>

/** On Linux each thread opens a named pipe, which nobody writes to. */
const inOpens: Effect.Effect<Release, never, Scope.Scope> = Effect.map(temporaryFolder, (folder) => {
  const path = join(folder, "fifo")
  execFileSync("mkfifo", [path])
  const opens = Array.from(
    { length: THREADS },
    () =>
      new Promise<void>((resolve, reject) =>
        open(path, constants.O_RDONLY, (error, fd) => (error ? reject(error) : close(fd, () => resolve())))
      )
  )
  return Effect.promise(async () => {
    const writer = openSync(path, constants.O_RDWR)
    await Promise.all(opens)
    closeSync(writer)
  })
})

/** How many ports may wait on a thread; a further one, which a `Net` has, then goes without. */
const SHARE = Math.max(1, THREADS - 2)

const newPort = (): number => kernel32().CreateIoCompletionPort(-1, 0, 0, 1)

/** A thread that waits on a port, as those of `PortWaiter` do, but not counted among them. */
const waitOnThread = () => {
  const port = newPort()
  const memory = ForeignMemory.allocate(ENTRY_BYTES + 8)
  const { address } = memory
  const returned = new Promise<void>((resolve) => {
    const done = () => resolve()
    kernel32().GetQueuedCompletionStatusExAsync(
      port,
      address,
      1,
      address + ENTRY_BYTES,
      FOREVER_MILLISECONDS,
      done
    )
  })
  return async () => {
    kernel32().PostQueuedCompletionStatus(port, 0, 0, 0)
    await returned
    kernel32().CloseHandle(port)
    memory.free()
  }
}

/** On Windows each thread waits on a completion port, as many of them as may by `PortWaiter`. */
const inWaits: Effect.Effect<Release> = Effect.sync(() => {
  const waiters = Array.from({ length: SHARE }, () => new PortWaiter(newPort(), 1, FOREVER_MILLISECONDS))
  for (const waiter of waiters) waiter.park(() => {})
  const others = Array.from({ length: THREADS - SHARE }, waitOnThread)
  return Effect.promise(async () => {
    await Promise.all([
      ...waiters.map((waiter) => new Promise<void>((resolve) => waiter.close(resolve))),
      ...others.map((release) => release())
    ])
  })
})

/** Fills the pool, until the answer is run or the scope closes. Nothing that uses a port may have begun to wait before. */
export const fullPool: Effect.Effect<Release, never, Scope.Scope> = Effect.acquireRelease(
  Effect.flatMap(process.platform === "win32" ? inWaits : inOpens, Effect.cached),
  (release) => release
)
