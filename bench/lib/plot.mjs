// @ts-check
/// <reference path="../packages.d.ts" />
/** Draws saved results as an SVG: a group of bars for every workload, a bar for every peer, its spread as a whisker. */
import { mkdirSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { None, parse, View } from "vega"
import { compile } from "vega-lite"
import { peers } from "./peers.mjs"
import { countOf, describe, loadResults } from "./results.mjs"
import { spread } from "./statistics.mjs"

/**
 * @typedef {object} Bar
 * @property {string} peer
 * @property {string} workload
 * @property {number} median
 * @property {number} least
 * @property {number} most
 *
 * @typedef {{ figure: import("./results.mjs").Figure, title: string, unit: number }} Drawn
 */

const groupPixels = { width: 150, height: 260 }
/** Readable for those who do not tell red from green. */
const colors = ["#0072b2", "#555555", "#e69f00", "#cc79a7", "#56b4e9", "#009e73"]

/** @type {Drawn} */
const rate = { figure: "requestsPerSecond", title: "requests/s", unit: 1 }

/** What a suite is about, where it is not requests/s. @type {Record<string, Drawn>} */
const ofSuite = {
  idle: { figure: "bytesPerConnection", title: "KiB per idle connection", unit: 1024 },
  latency: { figure: "p99Micros", title: "p99 latency, µs", unit: 1 }
}

/** None for a result that has no such figure. @param {Drawn} drawn */
const barOf =
  ({ figure, unit }) =>
  (/** @type {import("./results.mjs").Result} */ result) => {
    const values = result.turns.map((turn) => turn[figure]).filter((value) => value !== null)
    const range = spread(values.map((value) => value / unit))
    return range === undefined || result[figure] === null
      ? []
      : [{ peer: result.name, workload: describe(result), ...range }]
  }

/**
 * @param {import("./results.mjs").Results} results
 * @param {Drawn} drawn
 * @param {ReadonlyArray<Bar>} bars
 */
const specOf = ({ host, rounds, suite }, drawn, bars) => {
  const names = peers.map(({ name }) => name).filter((name) => bars.some(({ peer }) => peer === name))
  const range = names.map((name) => colors[peers.findIndex((peer) => peer.name === name)])
  const color = {
    field: "peer",
    type: "nominal",
    title: null,
    scale: { domain: names, range },
    legend: { orient: "top" }
  }
  const median = { field: "median", type: "quantitative", title: null, axis: { format: "~s", tickCount: 5 } }
  return {
    // Opaque: the page that shows it may be light or dark.
    background: "white",
    padding: 12,
    title: {
      text: `effect-iocp, ${suite}: ${drawn.title}`,
      subtitle: [
        host,
        `Medians of ${countOf(rounds, "round")}; the whiskers reach from the least to the most`
      ],
      anchor: "start",
      offset: 12
    },
    data: { values: bars },
    // A line for each part of the description.
    facet: {
      field: "workload",
      type: "nominal",
      sort: [...new Set(bars.map(({ workload }) => workload))],
      header: { title: null, labelOrient: "bottom", labelExpr: "split(datum.label, ', ')", labelPadding: 4 }
    },
    // Each with its own scale: between workloads lie orders of magnitude.
    resolve: { scale: { y: "independent" } },
    spec: {
      width: groupPixels.width,
      height: groupPixels.height,
      encoding: { x: { field: "peer", sort: names, axis: null } },
      layer: [
        { mark: "bar", encoding: { y: median, color } },
        {
          mark: { type: "rule", color: "black" },
          encoding: { y: { field: "least", type: "quantitative" }, y2: { field: "most" } }
        }
      ]
    },
    config: { view: { stroke: null }, font: "sans-serif" }
  }
}

/** @param {string} resultsPath @param {string} svgPath */
export const drawPlot = async (resultsPath, svgPath) => {
  const results = loadResults(resultsPath)
  const drawn = ofSuite[results.suite] ?? rate
  const bars = results.results.flatMap(barOf(drawn))
  if (bars.length === 0) throw new Error(`${resultsPath} has no ${drawn.title} to draw`)
  mkdirSync(dirname(svgPath), { recursive: true })
  const view = new View(parse(compile(specOf(results, drawn, bars)).spec), {
    renderer: "none",
    logLevel: None
  })
  writeFileSync(svgPath, `${await view.toSVG()}\n`)
  view.finalize()
}
