// @ts-check
/**
 * Bun.listen. A write of Bun may take a part of the bytes only: the rest is kept, and sent when the socket drains.
 */
import { endWithRunner } from "./endWithRunner.mjs"
import { host, nextPiece, readArguments, serverOf, tellListening } from "./protocol.mjs"

/**
 * @typedef {object} State
 * @property {Uint8Array} unsent What the socket did not take yet
 * @property {number} count Bytes received, or sent
 *
 * @typedef {import("./bun.js").BunSocket<State>} Socket
 */

const { mode, port, totalBytes } = readArguments()
const nothing = new Uint8Array(0)

/** Whether all that waited is with the socket now. @param {Socket} socket */
const sendUnsent = (socket) => {
  const { unsent } = socket.data
  if (unsent.length === 0) return true
  const taken = Math.max(socket.write(unsent), 0)
  socket.data.unsent = unsent.subarray(taken)
  return socket.data.unsent.length === 0
}

/** @param {Socket} socket @param {Uint8Array} bytes */
const send = (socket, bytes) => {
  if (socket.data.unsent.length > 0) {
    socket.data.unsent = Buffer.concat([socket.data.unsent, bytes])
    return
  }
  const taken = Math.max(socket.write(bytes), 0)
  // A copy: Bun uses the memory of what it received again.
  if (taken < bytes.length) socket.data.unsent = bytes.slice(taken)
}

/** @type {import("./bun.js").BunHandlers<State>} */
const echo = { data: send, drain: sendUnsent }

/** @type {import("./bun.js").BunHandlers<State>} */
const receive = {
  data: (socket, bytes) => {
    socket.data.count += bytes.length
    if (socket.data.count === totalBytes) socket.write(`${totalBytes}\n`)
  },
  drain: () => {}
}

/** @param {Socket} socket */
const sendOn = (socket) => {
  const state = socket.data
  while (state.count < totalBytes) {
    const bytes = nextPiece(totalBytes - state.count)
    // A piece may have been taken in part before.
    const taken = socket.write(bytes)
    if (taken <= 0) return
    state.count += taken
    if (taken < bytes.length) return
  }
  socket.end()
}

/** @type {import("./bun.js").BunHandlers<State>} */
const stream = { started: sendOn, data: () => {}, drain: sendOn }

const { started, data, drain } = serverOf({ echo, receive, send: stream }, mode)

endWithRunner()
const listener = Bun.listen({
  hostname: host,
  port,
  socket: {
    open: (/** @type {Socket} */ socket) => {
      socket.data = { unsent: nothing, count: 0 }
      socket.setNoDelay(true)
      started?.(socket)
    },
    data,
    drain,
    // The load ends its connections by a reset. There is nothing to clean up.
    error: () => {}
  }
})
tellListening(listener.port)
