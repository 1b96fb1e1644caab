/**
 * Every order in which the steps of several threads can come, one after the other; or every one in which no more than so many
 * times a thread is left that could have gone on, which finds what is wrong nearly as surely, and in far fewer orders.
 *
 * A thread is a generator: what it does between two yields is one step, and happens at once. It may yield a condition, and
 * is not resumed before that holds. What is tried is the real code on real shared memory; only the threads are not real.
 */

/** What a thread waits for; nothing, if it can go on. */
export type Wait = (() => boolean) | undefined
export type Thread = Generator<Wait, void, void>

export interface Scene {
  readonly threads: ReadonlyArray<Thread>
  /** Called when every thread has ended. */
  readonly check: () => void
}

interface Actor {
  readonly thread: Thread
  waits: Wait
  isDone: boolean
}

const step = (actor: Actor) => {
  const { done, value } = actor.thread.next()
  actor.isDone = done === true
  actor.waits = done === true ? undefined : value
}

/** Who may go next: whoever went last, if it can, and the others, if leaving it is still allowed. */
const candidates = (actors: ReadonlyArray<Actor>, last: Actor | undefined, mayLeave: boolean) => {
  const able = actors.filter(({ isDone, waits }) => !isDone && (waits === undefined || waits()))
  if (last === undefined || !able.includes(last)) return able
  return mayLeave ? [last, ...able.filter((actor) => actor !== last)] : [last]
}

/** Runs one order: the choices that are given, then always the first. Answers from how many it chose each time. */
const runOnce = (scene: Scene, choices: ReadonlyArray<number>, most: number): ReadonlyArray<number> => {
  const actors: ReadonlyArray<Actor> = scene.threads.map((thread) => ({
    thread,
    waits: undefined,
    isDone: false
  }))
  const widths: Array<number> = []
  let last: Actor | undefined
  let left = most
  for (;;) {
    const able = candidates(actors, last, left > 0)
    const chosen = able[choices[widths.length] ?? 0]
    if (chosen === undefined) break
    if (last !== undefined && chosen !== last && able[0] === last) left -= 1
    widths.push(able.length)
    step(chosen)
    last = chosen
  }
  if (actors.some(({ isDone }) => !isDone)) throw new Error("threads wait for each other, or for nobody")
  scene.check()
  return widths
}

/** The next list of choices after these, in the order of a tree walk; none after the last. */
const next = (choices: ReadonlyArray<number>, widths: ReadonlyArray<number>) => {
  for (let depth = widths.length - 1; depth >= 0; depth--) {
    const choice = (choices[depth] ?? 0) + 1
    if (choice < (widths[depth] ?? 0)) {
      return [...Array.from({ length: depth }, (_, at) => choices[at] ?? 0), choice]
    }
  }
  return undefined
}

/**
 * Runs every order, each on a scene of its own, and answers how many there were. Throws what the first bad one throws. `most`:
 * how many times a thread may be left that could go on.
 */
export const everyInterleaving = (makeScene: () => Scene, most = Number.POSITIVE_INFINITY): number => {
  let choices: ReadonlyArray<number> | undefined = []
  let orders = 0
  while (choices !== undefined) {
    orders += 1
    try {
      choices = next(choices, runOnce(makeScene(), choices, most))
    } catch (cause) {
      throw new Error(`in the order ${choices?.join("")}`, { cause })
    }
  }
  return orders
}
