/**
 * The other end of a connection, in a process of its own and without this library, so that it can be killed or stopped.
 *
 *   peer.mjs PORT count            reads everything, checks its order, and answers how much it was
 *   peer.mjs PORT deaf             reads nothing
 *   peer.mjs PORT frozen FILE      after its first words stands still, its whole thread, until FILE exists; then counts
 *   peer.mjs PORT unread           closes with unread data
 *   peer.mjs 0                     does nothing, and ends
 */
import { existsSync } from "node:fs"
import { connect } from "node:net"

const [port, mode, file] = process.argv.slice(2)
if (port === "0") process.exit()

const byteAt = (position) => (position * 31 + (position >> 8)) & 0xff

/** The pattern repeats itself from here on. */
const PATTERN_BYTES = 1 << 20

const standStill = () => {
  const nobodyWakes = new Int32Array(new SharedArrayBuffer(4))
  while (!existsSync(file)) Atomics.wait(nobodyWakes, 0, 0, 20)
}

const count = (socket) => {
  let total = 0
  let isOrdered = true
  socket.on("data", (chunk) => {
    for (const byte of chunk) {
      isOrdered &&= byte === byteAt(total % PATTERN_BYTES)
      total += 1
    }
  })
  socket.on("end", () => socket.end(`${isOrdered ? total : "out of order"}\n`))
  socket.resume()
}

const socket = connect({ port: Number(port), host: "127.0.0.1", allowHalfOpen: true })
socket.on("error", (error) => console.log(`error: ${error.code}`))
socket.pause()
socket.on("connect", () => {
  socket.write("here I am\n", () => {
    if (mode === "count") count(socket)
    if (mode === "frozen") {
      // A turn later, so that the words have left.
      setTimeout(() => {
        console.log("frozen")
        standStill()
        count(socket)
      }, 20)
    }
    if (mode === "unread") setTimeout(() => socket.destroy(), 100)
    console.log("ready")
  })
})
// It stays until it is killed, or its connection is over.
const stay = setInterval(() => {}, 1000)
socket.on("close", () => clearInterval(stay))
