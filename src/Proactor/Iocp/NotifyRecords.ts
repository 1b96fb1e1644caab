/**
 * The records of `ReadDirectoryChangesW` (FILE_NOTIFY_INFORMATION), read one buffer after the other.
 *
 * A renaming is two records, the old name and right after it the new one, and nothing in them says that they belong together.
 * So they get a number here. The two may come in different buffers: a call that waits is answered with the first record that
 * there is. A new name that does not come right after an old one has lost it, and a number of its own.
 *
 *     Apart --an old name: the next number--> Halfway --its new name: the same number--> Apart
 *                                                |
 *                                                +--anything else, or something is lost--> Apart
 *
 * @since 0.1.0
 */
import * as C from "../../Iocp/Constants.js"
import { type DirectoryChange, type NamedKind, namedChange } from "../DirectoryChange.js"

/** Where the fields of FILE_NOTIFY_INFORMATION are. */
const ACTION_AT = 4
const NAME_LENGTH_AT = 8
const NAME_AT = 12

const MOST_COOKIE = 0xffff_ffff

const decoder = new TextDecoder("utf-16le")

const kinds: ReadonlyMap<number, NamedKind> = new Map([
  [C.FILE_ACTION_ADDED, "created"],
  [C.FILE_ACTION_REMOVED, "removed"],
  [C.FILE_ACTION_MODIFIED, "modified"],
  [C.FILE_ACTION_RENAMED_OLD_NAME, "renamedFrom"],
  [C.FILE_ACTION_RENAMED_NEW_NAME, "renamedTo"]
])

const overflow: ReadonlyArray<DirectoryChange> = [{ kind: "overflow" }]

/** @internal */
export class NotifyRecords {
  private cookie = 0
  /** Whether the last record was the old name of something, which has the cookie. */
  private isHalfway = false

  /** The records of a buffer, each of which says how far the next one is; the last says 0. */
  changesIn(bytes: Uint8Array, length: number): ReadonlyArray<DirectoryChange> {
    const view = new DataView(bytes.buffer, bytes.byteOffset, length)
    const changes: Array<DirectoryChange> = []
    for (let at = 0; ; ) {
      const kind = kinds.get(view.getUint32(at + ACTION_AT, true))
      const start = at + NAME_AT
      const name = decoder.decode(bytes.subarray(start, start + view.getUint32(at + NAME_LENGTH_AT, true)))
      if (kind === undefined) this.isHalfway = false
      else changes.push(namedChange(kind, name, this.cookieOf(kind)))
      const next = view.getUint32(at, true)
      if (next === 0) return changes
      at += next
    }
  }

  /** What there is to tell when the system has lost something. */
  lost(): ReadonlyArray<DirectoryChange> {
    this.isHalfway = false
    return overflow
  }

  /** A number for each record, but for a new name that comes right after an old one. Only those of renamings are told. */
  private cookieOf(kind: NamedKind): number {
    const isOtherSide = kind === "renamedTo" && this.isHalfway
    this.isHalfway = kind === "renamedFrom"
    if (!isOtherSide) this.cookie = (this.cookie % MOST_COOKIE) + 1
    return this.cookie
  }
}
