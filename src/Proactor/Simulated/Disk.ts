/**
 * The disk of a simulated host: files by their path, in memory, until the network ends.
 *
 * It is as plain as it can be. A path is a name and no more, so every directory is there; there is one user, who may do
 * everything; and every operation is over at once. What was never written takes no room, so a file may be as large as on a real disk. The
 * one thing that goes wrong is that there is no room left.
 *
 * @since 0.1.0
 */
import * as C from "../../Epoll/Constants.js"
import type { FileOpening } from "../Proactor.js"

const PAGE_BYTES = 4096

/** A file's bytes: pages, of which those that were never written to are not there and read as zeros. */
class Content {
  size = 0
  modifiedMillis: number
  readonly pages = new Map<number, Uint8Array>()

  constructor(nowMillis: number) {
    this.modifiedMillis = nowMillis
  }
}

/** Calls `visit` for each page from `position` on, for `length` bytes: where in the page, where in the bytes, how many. */
const eachPage = (
  position: number,
  length: number,
  visit: (page: number, from: number, at: number, count: number) => boolean
): void => {
  for (let at = 0; at < length; ) {
    const page = Math.floor((position + at) / PAGE_BYTES)
    const from = (position + at) % PAGE_BYTES
    const count = Math.min(PAGE_BYTES - from, length - at)
    if (!visit(page, from, at, count)) return
    at += count
  }
}

/** @internal */
export class Disk {
  private readonly capacityPages: number
  private readonly files = new Map<string, Content>()
  private usedPages = 0

  constructor(capacityBytes: number) {
    this.capacityPages = Math.floor(capacityBytes / PAGE_BYTES)
  }

  /** The file of that path, made or emptied as the opening says; or the errno that says why not. */
  open({ create, path }: FileOpening, nowMillis: number): Content | number {
    const known = this.files.get(path)
    if (known === undefined && create === "never") return C.ENOENT
    if (known !== undefined && create === "exclusively") return C.EEXIST
    const content = known ?? new Content(nowMillis)
    this.files.set(path, content)
    if (create === "truncated") this.resize(content, 0, nowMillis)
    return content
  }

  /** What is there from `position` on, `most` bytes of it at most. */
  read(content: Content, position: number, most: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(0, Math.min(most, content.size - position)))
    eachPage(position, bytes.length, (page, from, at, count) => {
      const found = content.pages.get(page)
      if (found !== undefined) bytes.set(found.subarray(from, from + count), at)
      return true
    })
    return bytes
  }

  /** Writes as many of the bytes as there is room for, and answers how many. */
  write(content: Content, position: number, bytes: Uint8Array, nowMillis: number): number {
    let written = 0
    eachPage(position, bytes.length, (page, from, at, count) => {
      const target = content.pages.get(page) ?? this.newPage(content, page)
      if (target === undefined) return false
      target.set(bytes.subarray(at, at + count), from)
      written = at + count
      return true
    })
    if (written > 0) content.size = Math.max(content.size, position + written)
    content.modifiedMillis = nowMillis
    return written
  }

  resize(content: Content, size: number, nowMillis: number): void {
    const pages = Math.ceil(size / PAGE_BYTES)
    for (const page of [...content.pages.keys()]) {
      if (page < pages) continue
      content.pages.delete(page)
      this.usedPages -= 1
    }
    // What is cut off must not come back when the file grows again.
    content.pages.get(pages - 1)?.fill(0, size - (pages - 1) * PAGE_BYTES)
    content.size = size
    content.modifiedMillis = nowMillis
  }

  private newPage(content: Content, page: number): Uint8Array | undefined {
    if (this.usedPages >= this.capacityPages) return undefined
    const made = new Uint8Array(PAGE_BYTES)
    content.pages.set(page, made)
    this.usedPages += 1
    return made
  }
}

/** @internal */
export type { Content }
