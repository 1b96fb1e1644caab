/**
 * Whether the receiver is to be woken: one word that it shares with all senders.
 *
 *     Quiet --arm, by the receiver: it is about to wait--> Armed
 *     Armed --answered, by a sender that has raised the signal--> Quiet
 *     Armed --disarm, by the receiver: it waits no more--> Quiet
 *
 * So while the receiver is busy nobody wakes it, and while it waits one sender does. (Or a few: those that come in the very
 * moment. A signal more is no harm.)
 *
 * No wake-up is lost. The receiver arms, and then looks whether something is there. A sender puts an entry in, and then looks
 * whether the alarm is armed. Whichever is later sees what the other has done.
 *
 * A sender raises the signal first, and says so afterwards. If it is terminated in between, the alarm is still armed, and the
 * next sender raises it again. Each arming has a number of its own, so that a sender that is slow to say so answers the
 * arming that it has seen, and no later one.
 *
 * Pure: shared memory, and nothing of the system's.
 *
 * @since 0.1.0
 */

/** The word counts the changes of state: it is odd while the alarm is armed. */
const isArmed = (word: number): boolean => (word & 1) === 1

/** @internal */
export const alarmMemory = (): SharedArrayBuffer => new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)

/**
 * Whether something that came from elsewhere is the memory of an alarm.
 *
 * @internal
 */
export const isAlarmMemory = (memory: unknown): memory is SharedArrayBuffer =>
  memory instanceof SharedArrayBuffer && memory.byteLength === Int32Array.BYTES_PER_ELEMENT

/** @internal */
export class Alarm {
  readonly memory: SharedArrayBuffer
  private readonly word: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory
    this.word = new Int32Array(memory)
  }

  /** For the receiver: from here on it is to be woken. */
  arm(): void {
    // Nobody else makes it armed, so it cannot become so in between.
    if (!isArmed(Atomics.load(this.word, 0))) Atomics.add(this.word, 0, 1)
  }

  /** For the receiver: it is awake. */
  disarm(): void {
    const seen = Atomics.load(this.word, 0)
    if (isArmed(seen)) this.answered(seen)
  }

  /** For a sender, once its entry is in: which arming it is to answer; `undefined` if the receiver is awake. */
  get armed(): number | undefined {
    const seen = Atomics.load(this.word, 0)
    return isArmed(seen) ? seen : undefined
  }

  /** For a sender that has raised the signal: others need not. */
  answered(arming: number): void {
    Atomics.compareExchange(this.word, 0, arming, (arming + 1) | 0)
  }
}
