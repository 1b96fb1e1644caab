/**
 * A peer on a thread of its own, so that what it sends arrives at any moment.
 */
import { Worker } from "node:worker_threads"
import * as Effect from "effect/Effect"

/** Plain Node: connects, and sends `pieces` pieces of `0, 1, ... 250, 0, 1, ...`, one in each turn of its loop. */
const program = `
const { workerData: { port, pieces } } = require("node:worker_threads")
const socket = require("node:net").connect({ host: "127.0.0.1", port, noDelay: true })
let at = 0
let piece = 0
const next = () => {
  if (piece === pieces) return socket.end()
  const length = 1 + (piece++ % 97)
  const bytes = Uint8Array.from({ length }, (_, index) => (at + index) % 251)
  at += length
  socket.write(bytes, () => setImmediate(next))
}
socket.on("connect", next)
socket.resume()
`

/** Starts the peer; it is gone when the scope is closed. */
export const foreignSender = (port: number, pieces: number) =>
  Effect.acquireRelease(
    Effect.sync(() => new Worker(program, { eval: true, workerData: { port, pieces } })),
    (worker) => Effect.promise(() => worker.terminate())
  )

/** How many bytes it sends. */
export const foreignBytes = (pieces: number): number =>
  Array.from({ length: pieces }, (_, piece) => 1 + (piece % 97)).reduce((sum, length) => sum + length, 0)

/** Whether they are what it sends. */
export const isForeign = (bytes: Uint8Array): boolean => bytes.every((byte, at) => byte === at % 251)
