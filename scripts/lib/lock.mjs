// @ts-check
/**
 * One run at a time in the Windows lane's folder. The lock is an abstract socket: the kernel frees it when its
 * holder ends, however it ends, so that a killed run leaves no lock behind.
 */
import { createHash } from "node:crypto"
import { createServer } from "node:net"

const retryMilliseconds = 1000

/**
 * @param {string} name
 * @returns {Promise<import("node:net").Server | undefined>} undefined: somebody else holds it
 */
const tryLock = (name) =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once("error", (error) => {
      if ("code" in error && error.code === "EADDRINUSE") resolve(undefined)
      else reject(error)
    })
    server.listen(name, () => resolve(server))
  })

/**
 * Waits until no other run uses the folder; returns the function that lets the next one in.
 * @param {string} folder
 * @returns {Promise<() => void>}
 */
export const lockFolder = async (folder) => {
  const name = `\0effect-iocp-${createHash("sha256").update(folder).digest("hex").slice(0, 32)}`
  let server = await tryLock(name)
  if (server === undefined) console.log(`Waiting for another run that uses ${folder}`)
  while (server === undefined) {
    await new Promise((after) => setTimeout(after, retryMilliseconds))
    server = await tryLock(name)
  }
  const held = server
  return () => held.close()
}
