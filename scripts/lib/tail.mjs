// @ts-check
/**
 * Copies a growing file to the console. node.exe under Wine writes only to regular files, and a person wants to see
 * the tests go by.
 */
import { closeSync, openSync, readSync } from "node:fs"
import { StringDecoder } from "node:string_decoder"

const pollMilliseconds = 150

/**
 * @param {string} path An existing file
 * @param {NodeJS.WritableStream} sink
 * @returns {() => void} Copies what is left and stops
 */
export const follow = (path, sink) => {
  const file = openSync(path, "r")
  const chunk = Buffer.alloc(64 * 1024)
  // A character may be half written when we look.
  const decoder = new StringDecoder("utf8")
  const drain = () => {
    for (let bytes = readSync(file, chunk); bytes > 0; bytes = readSync(file, chunk)) {
      sink.write(decoder.write(chunk.subarray(0, bytes)))
    }
  }
  const timer = setInterval(drain, pollMilliseconds)
  return () => {
    clearInterval(timer)
    drain()
    sink.write(decoder.end())
    closeSync(file)
  }
}
