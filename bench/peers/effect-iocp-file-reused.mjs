// @ts-check
/** The same with one buffer, which is read into again and again, and so without garbage. */
import { Effect } from "effect"
import { serveFile } from "./fileServer.mjs"

const pieceBytes = 256 * 1024

await serveFile((connection, file, length) =>
  Effect.gen(function* () {
    const buffer = new Uint8Array(pieceBytes)
    for (let offset = 0; offset < length; ) {
      const count = yield* file.readInto(buffer.subarray(0, length - offset), { offset })
      yield* connection.writeAll(buffer.subarray(0, count))
      offset += count
    }
  })
)
