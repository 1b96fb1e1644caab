// @ts-check
/**
 * What every server in JavaScript agrees on with the runner and the load generator.
 *
 *     PROGRAM MODE PORT TOTAL_BYTES
 *
 * MODE is one of:
 *   echo      sends back what comes
 *   receive   counts what comes; at TOTAL_BYTES answers with that number and a line end
 *   send      sends TOTAL_BYTES in pieces of 64 KiB, and ends
 *
 * PORT 0 lets the system choose one. Once it listens, the server prints "listening PORT".
 */

export const host = "127.0.0.1"
export const pieceBytes = 64 * 1024

/** What a stream consists of: the letter s, as the load generator expects. */
export const piece = new Uint8Array(pieceBytes).fill(0x73)

/** @returns {{ mode: string, port: number, totalBytes: number }} */
export const readArguments = () => {
  const [mode = "", port, totalBytes] = process.argv.slice(2)
  return { mode, port: Number(port), totalBytes: Number(totalBytes) }
}

/** @param {number} port */
export const tellListening = (port) => process.stdout.write(`listening ${port}\n`)

/**
 * The piece to be sent when so many bytes are left.
 * @param {number} restBytes
 */
export const nextPiece = (restBytes) => (restBytes >= pieceBytes ? piece : piece.subarray(0, restBytes))

/**
 * @template A
 * @param {Record<string, A>} serversByMode
 * @param {string} mode
 * @returns {A}
 */
export const serverOf = (serversByMode, mode) => {
  const server = serversByMode[mode]
  if (!Object.hasOwn(serversByMode, mode) || server === undefined)
    throw new Error(`No mode is called ${mode}`)
  return server
}
