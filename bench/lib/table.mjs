// @ts-check
/// <reference path="../packages.d.ts" />
/** Results as tables, for people. */
import Table from "cli-table3"
import { subject } from "./peers.mjs"
import { byWorkload, countOf, ratioOf } from "./results.mjs"

/**
 * @typedef {import("./results.mjs").Result} Result
 *
 * @typedef {object} Column
 * @property {string} head
 * @property {(result: Result, ours: Result | undefined) => string} cell Empty where there is nothing to say
 */

/** @param {number | null} value @param {number} digits */
const number = (value, digits) =>
  value === null
    ? ""
    : value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })

/** @param {import("./statistics.mjs").Spread | undefined} spread */
export const spreadText = (spread) =>
  spread === undefined
    ? ""
    : `${number(spread.median, 2)} (${number(spread.least, 2)} .. ${number(spread.most, 2)})`

/** @param {import("./results.mjs").Figure} figure @returns {Column["cell"]} */
const ratioCell = (figure) => (result, ours) =>
  ours === undefined || ours === result ? "" : spreadText(ratioOf(ours, result, figure))

/** @param {"p50Micros" | "p99Micros" | "p999Micros"} figure @returns {Column["cell"]} */
const latencyCell = (figure) => (result) => (result.overloaded ? "overloaded" : number(result[figure], 0))

/** @param {number | null} bytes @param {number} unit */
const scaled = (bytes, unit) => (bytes === null ? null : bytes / unit)

/** @type {ReadonlyArray<Column>} */
const columns = [
  { head: "requests/s", cell: ({ requestsPerSecond }) => number(requestsPerSecond, 0) },
  { head: "CPU µs/request", cell: ({ cpuMicrosPerRequest }) => number(cpuMicrosPerRequest, 2) },
  { head: "p50 µs", cell: latencyCell("p50Micros") },
  { head: "p99 µs", cell: latencyCell("p99Micros") },
  { head: "p99.9 µs", cell: latencyCell("p999Micros") },
  { head: "RSS MiB", cell: ({ rssBytes }) => number(scaled(rssBytes, 2 ** 20), 1) },
  { head: "KiB/connection", cell: ({ bytesPerConnection }) => number(scaled(bytesPerConnection, 1024), 2) },
  { head: "requests/s ratio", cell: ratioCell("requestsPerSecond") },
  { head: "CPU ratio", cell: ratioCell("cpuMicrosPerRequest") },
  { head: "memory ratio", cell: ratioCell("bytesPerConnection") }
]

/** @param {ReadonlyArray<string>} head @param {ReadonlyArray<ReadonlyArray<string>>} rows @param {number} textColumns */
export const tableText = (head, rows, textColumns) => {
  const table = new Table({
    head,
    colAligns: head.map((_, index) => (index < textColumns ? "left" : "right")),
    style: { head: [], border: [], compact: true }
  })
  table.push(...rows)
  return table.toString()
}

/** Without the columns that say nothing here. @param {ReadonlyArray<Result>} results */
const workloadTable = (results) => {
  const ours = results.find(({ name }) => name === subject)
  const filled = columns
    .map(({ cell, head }) => ({ head, cells: results.map((result) => cell(result, ours)) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ""))
  const rows = results.map(({ name }, index) => [name, ...filled.map(({ cells }) => cells[index] ?? "")])
  return tableText(["peer", ...filled.map(({ head }) => head)], rows, 1)
}

/**
 * The ratios alone, of two peers.
 * @param {import("./results.mjs").Results} results
 */
export const ratiosText = ({ results, rounds }) => {
  const rows = [...byWorkload(results)].flatMap(([title, group]) => {
    const ours = group.find(({ name }) => name === subject)
    const others = group.filter((result) => result !== ours)
    return others.map((result) => [title, result.name, ratioCell("requestsPerSecond")(result, ours)])
  })
  const key = `Requests/s, ${subject} to the peer, round by round: median (least .. most) of ${countOf(rounds, "round")}.`
  return `${tableText(["workload", "against", "ratio"], rows, 2)}\n${key}`
}

/** @param {import("./results.mjs").Results} results */
export const resultsText = ({ results, rounds }) => {
  const tables = [...byWorkload(results)].map(([title, group]) => `${title}\n${workloadTable(group)}`)
  const names = new Set(results.map(({ name }) => name))
  const ratiosKey = `Ratios are ${subject} to the peer, round by round: median (least .. most).`
  const key = `Medians of ${countOf(rounds, "round")}.${names.has(subject) && names.size > 1 ? ` ${ratiosKey}` : ""}`
  return `${tables.join("\n\n")}\n${key}`
}
