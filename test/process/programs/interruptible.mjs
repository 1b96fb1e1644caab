/**
 * To be loaded before a program: does in it what Ctrl-C would do, once a file appears. On Windows no program can send
 * that to another one alone.
 */
import { existsSync } from "node:fs"

const file = process.env.INTERRUPT_WHEN_THERE
const timer = setInterval(() => {
  if (!existsSync(file)) return
  clearInterval(timer)
  process.emit("SIGINT", "SIGINT", 2)
}, 20)
// The program ends when its work is done, and not for this timer's sake later.
timer.unref()
