// @ts-check
/** The file that servers of the modes that send one send, again and again, until all bytes of a turn are sent. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { piece, pieceBytes } from "./protocol.mjs"

/** Small enough to stay in memory: it is not the disk that is measured. */
export const fileBytes = 64 * 1024 * 1024

/** Makes the file, and answers its path. */
export const makeFile = () => {
  const path = join(mkdtempSync(join(tmpdir(), "effect-iocp-bench-")), "file")
  for (let at = 0; at < fileBytes; at += pieceBytes) writeFileSync(path, piece, { flag: "a" })
  return path
}

/** Deletes it: who has it open keeps it. @param {string} path */
export const deleteFile = (path) => rmSync(dirname(path), { recursive: true })
