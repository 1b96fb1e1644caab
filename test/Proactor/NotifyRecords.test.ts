/** What Windows tells of a directory, as bytes: read on every system. */
import { assert, describe, it } from "@effect/vitest"
import * as C from "../../src/Iocp/Constants.js"
import type { DirectoryChange } from "../../src/Proactor/DirectoryChange.js"
import { NotifyRecords } from "../../src/Proactor/Iocp/NotifyRecords.js"

type Written = readonly [action: number, name: string]

const [ADDED, OLD, NEW] = [
  C.FILE_ACTION_ADDED,
  C.FILE_ACTION_RENAMED_OLD_NAME,
  C.FILE_ACTION_RENAMED_NEW_NAME
]
/** Of an alternate stream, which is not told. */
const ADDED_STREAM = 6

/** FILE_NOTIFY_INFORMATION, one after the other, each at a multiple of four bytes. */
const bufferOf = (records: ReadonlyArray<Written>): Uint8Array =>
  Buffer.concat(
    records.map(([action, name], index) => {
      const text = Buffer.from(name, "utf16le")
      const record = Buffer.alloc(Math.ceil((12 + text.length) / 4) * 4)
      record.writeUInt32LE(index < records.length - 1 ? record.length : 0, 0)
      record.writeUInt32LE(action, 4)
      record.writeUInt32LE(text.length, 8)
      text.copy(record, 12)
      return record
    })
  )

const inWords = (change: DirectoryChange): string => {
  if (change.kind === "overflow") return "overflow"
  return "cookie" in change
    ? `${change.kind} ${change.name} ${change.cookie}`
    : `${change.kind} ${change.name}`
}

const read = (records: NotifyRecords, ...written: ReadonlyArray<Written>) => {
  const buffer = bufferOf(written)
  return records.changesIn(buffer, buffer.length).map(inWords)
}

/** The cookies alone; equal ones are equal. */
const cookies = (words: ReadonlyArray<string>) => words.map((word) => word.split(" ")[2])

describe("the records of ReadDirectoryChangesW", () => {
  it("are read in their order, and a renaming has one cookie, each another one", () => {
    const records = new NotifyRecords()
    const told = read(records, [ADDED, "new"], [OLD, "Grüße"], [NEW, "世界"], [OLD, "x"], [NEW, "y"])
    const [, first, , second] = cookies(told)
    assert.notStrictEqual(first, second)
    assert.deepStrictEqual(told, [
      "created new",
      `renamedFrom Grüße ${first}`,
      `renamedTo 世界 ${first}`,
      `renamedFrom x ${second}`,
      `renamedTo y ${second}`
    ])
  })

  it("may have the two sides in two buffers", () => {
    const records = new NotifyRecords()
    const [from] = cookies(read(records, [ADDED, "a"], [OLD, "a"]).slice(1))
    const [to, next] = cookies(read(records, [NEW, "b"], [OLD, "c"]))
    assert.strictEqual(from, to)
    assert.notStrictEqual(next, to)
  })

  it("have sides that have lost the other one, which are not paired with a stranger", () => {
    const between: ReadonlyArray<(records: NotifyRecords) => void> = [
      (records) => records.lost(),
      (records) => read(records, [ADDED, "b"]),
      (records) => read(records, [ADDED_STREAM, "b"])
    ]
    for (const happens of between) {
      const records = new NotifyRecords()
      const [from] = cookies(read(records, [OLD, "a"]))
      happens(records)
      const [alone, another] = cookies(read(records, [NEW, "c"], [NEW, "d"]))
      assert.strictEqual(new Set([from, alone, another]).size, 3)
    }
  })

  it("that the system could not keep are an overflow", () => {
    assert.deepStrictEqual(new NotifyRecords().lost(), [{ kind: "overflow" }])
  })
})
