/**
 * A line that tells how far a run is: written over itself in a terminal; elsewhere, in a log say, a new line now and
 * then.
 */

const TERMINAL_MILLISECONDS = 200
const LOG_MILLISECONDS = 15_000

const ERASE_LINE = "\r\u001b[K"

const clock = (seconds: number): string => {
  const whole = Math.floor(seconds)
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`
}

export class ProgressLine {
  private readonly start = performance.now()
  private readonly totalSeconds: number
  private readonly isTerminal = process.stdout.isTTY
  private shownAt = Number.NEGATIVE_INFINITY

  constructor(totalSeconds: number) {
    this.totalSeconds = totalSeconds
  }

  /** Shows the text, unless it was shown a moment ago. */
  show(text: string): void {
    const now = performance.now()
    if (now - this.shownAt < (this.isTerminal ? TERMINAL_MILLISECONDS : LOG_MILLISECONDS)) return
    this.shownAt = now
    const line = `${clock((now - this.start) / 1000)} of ${clock(this.totalSeconds)}  ${text}`
    // Cut, so that it stays one line that can be written over.
    if (this.isTerminal) process.stdout.write(ERASE_LINE + line.slice(0, process.stdout.columns - 1))
    else console.log(line)
  }

  /** Leaves the terminal's line to what comes. */
  end(): void {
    if (this.isTerminal) process.stdout.write(ERASE_LINE)
  }
}
