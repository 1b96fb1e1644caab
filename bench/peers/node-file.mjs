// @ts-check
/** A file, sent by Node: a stream of it, piped into the socket. */
import { createReadStream, openSync } from "node:fs"
import { createServer } from "node:net"
import { endWithRunner } from "./endWithRunner.mjs"
import { host, readArguments, tellListening } from "./protocol.mjs"
import { deleteFile, fileBytes, makeFile } from "./sentFile.mjs"

const { port, totalBytes } = readArguments()

/** Of those that were tried, the size with which it is fastest. */
const highWaterMark = 256 * 1024

const path = makeFile()
const fd = openSync(path, "r")
deleteFile(path)

/** @param {import("node:net").Socket} socket @param {number} rest */
const send = (socket, rest) => {
  if (rest <= 0) {
    socket.end()
    return
  }
  const end = Math.min(rest, fileBytes) - 1
  const stream = createReadStream("", { fd, autoClose: false, start: 0, end, highWaterMark })
  stream.on("end", () => send(socket, rest - fileBytes))
  stream.pipe(socket, { end: false })
}

endWithRunner()
const server = createServer({ noDelay: true }, (socket) => {
  // The load ends its connections by a reset. "close" follows, and there is nothing to clean up.
  socket.on("error", () => {})
  send(socket, totalBytes)
})
server.listen({ host, port }, () => {
  const address = server.address()
  if (address !== null && typeof address === "object") tellListening(address.port)
})
