// @ts-check
/** A server of this library's that sends a file to whoever connects, in whatever way it is given. */
import { Effect } from "effect"
import { File, Net } from "../../dist/index.js"
import { endWithRunner } from "./endWithRunner.mjs"
import { host, readArguments, tellListening } from "./protocol.mjs"
import { deleteFile, fileBytes, makeFile } from "./sentFile.mjs"

/**
 * @typedef {(connection: Net.Connection, file: File.File, length: number) => Effect.Effect<unknown, unknown>} Send Sends the
 *   first `length` bytes of the file
 */

/** @param {Send} send @param {File.File} file @param {number} totalBytes */
const sendingAll = (send, file, totalBytes) => (/** @type {Net.Connection} */ connection) =>
  Effect.gen(function* () {
    for (let rest = totalBytes; rest > 0; rest -= fileBytes) {
      yield* send(connection, file, Math.min(rest, fileBytes))
    }
  })

/** @param {Send} send */
export const serveFile = async (send) => {
  const { port, totalBytes } = readArguments()
  const server = Effect.gen(function* () {
    const path = makeFile()
    const file = yield* File.open(path, { access: "read" })
    deleteFile(path)
    const listener = yield* Net.listen({ host, port })
    tellListening(listener.address.port)
    return yield* listener.serve(sendingAll(send, file, totalBytes))
  })
  endWithRunner()
  await Effect.runPromise(server.pipe(Effect.scoped, Effect.provide(Net.layer)))
}
