// @ts-check
/**
 * node:net, as a good user of it writes these servers.
 *
 * The echo writes from the "data" event and does not pause. The load has a bounded number of requests in flight, so that
 * nothing piles up; and at 64 KiB both `socket.pipe(socket)` and a `pause` until "drain" whenever `write` answers false
 * reached only two thirds of it (at 64 B all three are alike). The stream that is sent respects backpressure, as it must:
 * it waits for "drain".
 */
import { createServer } from "node:net"
import { endWithRunner } from "./endWithRunner.mjs"
import { host, nextPiece, readArguments, serverOf, tellListening } from "./protocol.mjs"

/** @typedef {import("node:net").Socket} Socket */

const { mode, port, totalBytes } = readArguments()

/** @param {Socket} socket */
const echo = (socket) => {
  socket.on("data", (bytes) => socket.write(bytes))
}

/** @param {Socket} socket */
const receive = (socket) => {
  let count = 0
  socket.on("data", (bytes) => {
    count += bytes.length
    if (count === totalBytes) socket.write(`${count}\n`)
  })
}

/** @param {Socket} socket */
const send = (socket) => {
  let rest = totalBytes
  const sendOn = () => {
    while (rest > 0) {
      const bytes = nextPiece(rest)
      rest -= bytes.length
      if (!socket.write(bytes)) break
    }
    if (rest === 0) socket.off("drain", sendOn).end()
  }
  socket.on("drain", sendOn)
  sendOn()
}

const handler = serverOf({ echo, receive, send }, mode)

endWithRunner()
const server = createServer({ noDelay: true }, (socket) => {
  // The load ends its connections by a reset. "close" follows, and there is nothing to clean up.
  socket.on("error", () => {})
  handler(socket)
})
server.listen({ host, port }, () => {
  const address = server.address()
  if (address !== null && typeof address === "object") tellListening(address.port)
})
