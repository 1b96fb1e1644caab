/**
 * Running what completions lead to outside of the completion loop, for callbacks that are somebody else's code.
 *
 * A completion is told of while the rest of its batch waits for its turn (see `CompletionLoop`). What runs there must
 * not throw, or the loop ends and every connection with it; and it must touch no other socket, whose operation may be
 * over without its owner knowing. A fiber does neither. The listeners of a Node stream may do both. So they run in a
 * microtask: after the whole batch, still before the event loop turns, and with the exceptions of their own.
 *
 * One microtask serves all of a batch, which makes it the cheapest way there is: `process.nextTick` or a microtask for
 * each would allocate for each, and a fiber costs more than the call it would make.
 *
 * @since 0.1.0
 */

let waiting: Array<() => void> = []

const runAll = (): void => {
  const tasks = waiting
  waiting = []
  let index = 0
  try {
    while (index < tasks.length) {
      const task = tasks[index]
      index += 1
      task?.()
    }
  } finally {
    // One threw: Node hears of that (`uncaughtException`), and the others still have their turn.
    if (index < tasks.length) {
      for (let rest = index; rest < tasks.length; rest++) {
        const task = tasks[rest]
        if (task !== undefined) afterBatch(task)
      }
    }
  }
}

/**
 * Runs the task soon, outside of whatever runs now.
 *
 * @internal
 */
export const afterBatch = (task: () => void): void => {
  if (waiting.length === 0) queueMicrotask(runAll)
  waiting.push(task)
}
