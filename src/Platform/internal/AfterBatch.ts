/**
 * Running what completions lead to outside of the completion loop, for callbacks that are somebody else's code.
 *
 * A completion is told of while the rest of its batch waits for its turn (see `CompletionLoop`). What runs there must
 * not throw, or the loop ends and every connection with it; and it must touch no other socket, whose operation may be
 * over without its owner knowing. A fiber does neither. The listeners of a Node stream may do both. So they run in a
 * microtask: after the whole batch, still before the event loop turns, and with the exceptions of their own.
 *
 * They run a few at a time, and after each few whatever those led to: ticks, promises, fibers. What a request allocates is
 * then garbage before the next is begun, as it is under `node:net`, which has one callback per turn. Run all at once, the
 * requests of 500 connections live together, outlive the young generation, and cost a fifth of the throughput of HTTP.
 * All of it is over before the event loop turns.
 *
 * @since 0.1.0
 */

/** Fewer gain nothing more; each time costs a tick and a microtask. */
const AT_ONCE = 4

let waiting: Array<() => void> = []
let next = 0
let isScheduled = false

/** After the ticks that are queued, and after the microtasks that these leave. */
const goOn = (): void => queueMicrotask(runSome)

const runSome = (): void => {
  try {
    for (let count = 0; count < AT_ONCE && next < waiting.length; count++) {
      const task = waiting[next]
      next += 1
      task?.()
    }
  } finally {
    // Also if one threw: Node hears of that (`uncaughtException`), and the others still have their turn.
    if (next < waiting.length) process.nextTick(goOn)
    else {
      waiting = []
      next = 0
      isScheduled = false
    }
  }
}

/**
 * Runs the task soon, outside of whatever runs now.
 *
 * @internal
 */
export const afterBatch = (task: () => void): void => {
  waiting.push(task)
  if (isScheduled) return
  isScheduled = true
  queueMicrotask(runSome)
}
