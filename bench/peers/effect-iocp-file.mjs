// @ts-check
/** A file, sent by this library. */
import { serveFile } from "./fileServer.mjs"

await serveFile((connection, file, length) => connection.sendFile(file, { length }))
