// @ts-check
/** The benchmark, once its packages are there: measures, and shows or saves what was found. */
import { measureSuite } from "./lib/native.mjs"
import { ensurePrograms } from "./lib/programs.mjs"
import { checkWritable, host, loadResults, saveResults } from "./lib/results.mjs"
import { ratiosText, resultsText } from "./lib/table.mjs"
import { targetsText } from "./lib/targetsTable.mjs"
import { measureUnderWine } from "./lib/windows.mjs"

/** @typedef {import("./lib/arguments.mjs").Request} Request */

/** @param {Extract<Request, { kind: "measure" }>} request */
export const measureAll = async ({ json, measuring, suites }) => {
  await ensurePrograms()
  if (json === undefined) console.log(host())
  else checkWritable(json)
  for (const suite of suites) {
    const results = {
      suite: suite.name,
      host: host(),
      rounds: measuring.rounds,
      results: await measureSuite(suite, measuring)
    }
    if (json === undefined) show(suite.title, results)
    else saveResults(json, results)
  }
}

/** @param {string} title @param {import("./lib/results.mjs").Results} results */
const show = (title, results) => console.log(`\n${title}\n\n${resultsText(results)}\n${targetsText(results)}`)

/** @param {Extract<Request, { kind: "show" }>} request */
export const showAll = ({ results }) => {
  for (const path of results) {
    const loaded = loadResults(path)
    show(`${loaded.suite}, on ${loaded.host}`, loaded)
  }
}

/** Ratios only: Wine's figures themselves say nothing about Windows. @param {Extract<Request, { kind: "windows" }>} request */
export const measureWindows = async ({ measuring }) => {
  await ensurePrograms()
  const { lane, results: found } = await measureUnderWine(measuring)
  const results = { suite: "windows", host: lane, rounds: measuring.rounds, results: found }
  console.log(`\n${lane}\n\n${ratiosText(results)}\n${targetsText(results)}`)
}
