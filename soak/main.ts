/**
 * The soak as a program: see `test/stress/soak/soak.ts`.
 *
 *     npm run soak -- --minutes 10 --seed 42
 *
 * Its last lines say what held and what did not; its exit code is 1 if anything did not.
 */
import { parseArgs } from "node:util"
import * as Effect from "effect/Effect"
import { mebibytes } from "../test/stress/soak/memory.js"
import { type SoakResult, soak } from "../test/stress/soak/soak.js"
import { ProgressLine } from "./ProgressLine.js"

const DEFAULT_MINUTES = 2
const LONGEST_MINUTES = 24 * 60
const MOST_ROUNDS = 1_000_000
const CONVERSATIONS_PER_ROUND = 400
const CONCURRENCY = 40

const usage = "npm run soak -- [--minutes N] [--seed S] [--rounds R]"

interface Arguments {
  readonly minutes: number
  readonly seed: number
  readonly rounds: number
}

const number = (
  name: string,
  text: string | undefined,
  usual: number,
  least: number,
  most: number
): number => {
  const value = text === undefined ? usual : Number(text)
  if (value >= least && value <= most) return value
  throw new Error(`--${name} is a number, ${least} to ${most}\n${usage}`)
}

const readArguments = (): Arguments => {
  const option = { type: "string" } as const
  const { values } = parseArgs({ options: { minutes: option, seed: option, rounds: option } })
  return {
    minutes: number("minutes", values.minutes, DEFAULT_MINUTES, 0.01, LONGEST_MINUTES),
    seed: Math.floor(number("seed", values.seed, Math.random() * 2 ** 31, 0, 2 ** 32 - 1)),
    rounds: Math.floor(number("rounds", values.rounds, MOST_ROUNDS, 1, MOST_ROUNDS))
  }
}

const count = (value: number): string => value.toLocaleString("en")

const report = (seed: number, result: SoakResult): void => {
  const { after, before, conversations, failures, interrupted, kinds, memory, retired, rounds, submitted } =
    result
  const kindsInWords = [...kinds].map(([kind, times]) => `${kind} ${count(times)}`).join(", ")
  console.log(`${count(rounds)} rounds, ${count(conversations)} conversations: ${kindsInWords}`)
  console.log(`${count(interrupted)} of them were cut short from outside`)
  console.log(`operations: ${count(submitted)} submitted, ${count(retired)} retired`)
  console.log(`descriptors or handles: ${before.handles} before, ${after.handles} after`)
  console.log(`foreign memory: ${before.foreignBytes} bytes before, ${after.foreignBytes} after`)
  console.log(`resident memory: ${memory}; ${mebibytes(result.residentBytes)} at the end`)
  for (const failure of failures) console.log(`FAILED  ${failure}`)
  console.log(failures.length === 0 ? "every invariant held" : `failed; again with: --seed ${seed}`)
}

const main = async (): Promise<boolean> => {
  const { minutes, rounds, seed } = readArguments()
  console.log(`soak: seed ${seed}, up to ${minutes} minutes`)
  const line = new ProgressLine(minutes * 60)
  const result = await Effect.runPromise(
    soak({
      seed,
      rounds,
      milliseconds: minutes * 60_000,
      conversations: CONVERSATIONS_PER_ROUND,
      concurrency: CONCURRENCY,
      onRound: (progress) => {
        const { conversations, interrupted, residentBytes, rounds, submitted } = progress
        line.show(
          `round ${count(rounds)}, ${count(conversations)} conversations, ${count(interrupted)} cut short, ` +
            `${count(submitted)} operations, ${mebibytes(residentBytes)}`
        )
      }
    })
  )
  line.end()
  report(seed, result)
  return result.failures.length === 0
}

try {
  if (!(await main())) process.exitCode = 1
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
