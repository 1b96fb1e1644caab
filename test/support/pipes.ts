/** Names of pipes that nobody has. */

let names = 0

/** A name that nobody has: no other process, and nobody in this one. */
export const freeName = (): string => {
  names += 1
  return `\\\\.\\pipe\\effect-iocp-${process.pid}-${names}`
}
