// @ts-check
/** A file, read by this library and written by it: what `sendFile` spares a program. */
import { Effect } from "effect"
import { serveFile } from "./fileServer.mjs"

/** Of 64 KiB to 1 MiB the size with which this is fastest, most of the time. */
const pieceBytes = 256 * 1024

await serveFile((connection, file, length) =>
  Effect.gen(function* () {
    for (let offset = 0; offset < length; ) {
      const bytes = yield* file.read({ offset, maxBytes: Math.min(pieceBytes, length - offset) })
      yield* connection.writeAll(bytes)
      offset += bytes.length
    }
  })
)
