/**
 * One end of a named pipe by node:net alone, in a process of its own.
 *
 *   pipe.mjs serve NAME COUNT    echoes to so many clients, one after the other or at once, and ends
 *   pipe.mjs connect NAME        sends a mebibyte and hears it back, says its length and hash, and ends
 *   pipe.mjs hang NAME           connects, sends a few bytes, and waits to be killed
 */
import { createHash } from "node:crypto"
import { connect, createServer } from "node:net"

const MEBIBYTE = 1024 * 1024
const [what, name, count] = process.argv.slice(2)

const serve = () => {
  let left = Number(count)
  const server = createServer((socket) => {
    socket.pipe(socket)
    socket.on("close", () => {
      left -= 1
      if (left === 0) server.close(() => console.log("served: all"))
    })
  })
  server.listen(name, () => console.log("listening: now"))
}

const exchange = () => {
  const hash = createHash("sha256")
  let received = 0
  const socket = connect(name, () => socket.write(Buffer.alloc(MEBIBYTE, "node:net")))
  socket.on("data", (chunk) => {
    hash.update(chunk)
    received += chunk.length
    if (received === MEBIBYTE) socket.end()
  })
  socket.on("close", () => console.log(`received: ${received} ${hash.digest("hex")}`))
}

const hang = () => {
  const socket = connect(name, () => socket.write("a few bytes", () => console.log("connected: now")))
  socket.resume()
}

if (what === "serve") serve()
else if (what === "connect") exchange()
else hang()
