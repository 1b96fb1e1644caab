/**
 * A program that is started by a test. It parks a call on a completion port that nothing but a wake can end,
 * and then ends in the way that its argument names.
 */
import * as Effect from "effect/Effect"
import * as Iocp from "../../../src/Iocp/index.js"
import { kernel32 } from "../../../src/Iocp/Kernel32.js"
import { PortWaiter } from "../../../src/Iocp/PortWaiter.js"

const ONE_DAY_MILLISECONDS = 24 * 60 * 60 * 1000

const parkForADay = (): PortWaiter => {
  const handle = kernel32().CreateIoCompletionPort(-1, 0, 0, 1)
  const waiter = new PortWaiter(handle, 8, ONE_DAY_MILLISECONDS)
  waiter.park(() => console.log("woken"))
  return waiter
}

/** Gives the thread of the pool the time to enter the call. */
const soon = (run: () => void) => setTimeout(run, 50)

const endings: Record<string, () => void> = {
  exit: () => {
    parkForADay()
    soon(() => process.exit(7))
  },
  exitAtOnce: () => {
    parkForADay()
    process.exit(7)
  },
  throw: () => {
    parkForADay()
    soon(() => {
      throw new Error("nobody catches this")
    })
  },
  unpark: () => {
    const waiter = parkForADay()
    process.on("exit", () => console.log("ended by itself"))
    soon(() => waiter.unpark())
  },
  close: () => {
    const waiter = parkForADay()
    soon(() => waiter.close(() => console.log("closed")))
  },
  interrupt: () => {
    process.on("exit", () => console.log("ended by itself"))
    const waiting = Effect.timeoutOption(Effect.flatMap(Iocp.make(), Iocp.waitForCompletion), "50 millis")
    Effect.runFork(Effect.scoped(waiting))
  },
  exitWhileWaiting: () => {
    Effect.runFork(Effect.scoped(Effect.flatMap(Iocp.make(), Iocp.waitForCompletion)))
    soon(() => process.exit(7))
  }
}

endings[process.argv[2] ?? ""]?.()
