// @ts-check
/**
 * Deno.listen, and a loop of reads and writes for every connection. Each has a buffer of its own, as a loop that awaits
 * needs one: that is most of what an idle connection costs here.
 */
import { endWithRunner } from "./endWithRunner.mjs"
import { host, nextPiece, pieceBytes, readArguments, serverOf, tellListening } from "./protocol.mjs"

/** @typedef {import("./deno.js").DenoConnection} Connection */

const { mode, port, totalBytes } = readArguments()

/** @param {Connection} connection @param {Uint8Array} bytes */
const writeAll = async (connection, bytes) => {
  for (let at = 0; at < bytes.length; ) at += await connection.write(bytes.subarray(at))
}

/** @param {Connection} connection */
const echo = async (connection) => {
  const buffer = new Uint8Array(pieceBytes)
  for (;;) {
    const count = await connection.read(buffer)
    if (count === null) return
    await writeAll(connection, buffer.subarray(0, count))
  }
}

/** @param {Connection} connection */
const receive = async (connection) => {
  const buffer = new Uint8Array(pieceBytes)
  for (let total = 0; ; ) {
    const count = await connection.read(buffer)
    if (count === null) return
    total += count
    if (total === totalBytes) await writeAll(connection, new TextEncoder().encode(`${total}\n`))
  }
}

/** @param {Connection} connection */
const send = async (connection) => {
  for (let rest = totalBytes; rest > 0; ) {
    const bytes = nextPiece(rest)
    await writeAll(connection, bytes)
    rest -= bytes.length
  }
}

const handler = serverOf({ echo, receive, send }, mode)

/** @param {Connection} connection */
const serve = async (connection) => {
  try {
    connection.setNoDelay(true)
    await handler(connection)
  } catch {
    // The load ends its connections by a reset. There is nothing to clean up but the connection itself.
  } finally {
    connection.close()
  }
}

endWithRunner()
const listener = Deno.listen({ hostname: host, port })
tellListening(listener.addr.port)
for (;;) {
  try {
    const connection = await listener.accept()
    // Each goes on by itself: a loop that waited for one would not accept the next.
    void serve(connection)
  } catch {
    // A connection that was reset before it was accepted.
  }
}
