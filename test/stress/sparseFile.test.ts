/**
 * A large file, read and sent with as little memory as a small one. It is sparse, and takes no room.
 *
 * By default it is large enough to tell. `npm run soak:sparse-file` makes it 5 GiB, with more than 4 GiB of offsets, or as large
 * as one likes: by the environment, in which SPARSE_FILE_MEBIBYTES says how large it is.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as File from "../../src/File/index.js"
import { foreignBytesInUse } from "../../src/Foreign/Memory.js"
import type * as Net from "../../src/Net/index.js"
import * as NodeConnection from "../../src/Platform/NodeConnection.js"
import * as NodeNetPeer from "../interop/nodeNet.js"
import { pair, runChecked } from "../Net/harness.js"
import { subject } from "../Platform/streams.js"
import { temporaryFile } from "../support/folder.js"
import { growth, heldBytes, mebibytes } from "./soak/memory.js"
import { sized } from "./support/subject.js"

const MIB = 1024 * 1024
const size = sized("SPARSE_FILE_MEBIBYTES", subject.isSlow ? 200 : 300) * MIB
const SAMPLES = 60

const end = new TextEncoder().encode("and this is the end of it")

const sparseFile = Effect.gen(function* () {
  const path = yield* temporaryFile
  const file = yield* File.open(path, { access: "readWrite", create: "exclusively", sparse: true })
  yield* file.writeAll(end, { offset: size - end.length })
  return file
})

/** The memory of the process, as it is, garbage and all. */
const resident = () => process.memoryUsage.rss()

/**
 * What the program itself holds on to. For Wine's TransmitFile: in Wine 8 it loses 64 KiB with every call, whoever makes it,
 * which a program of a few lines shows.
 */
const held = () => heldBytes() + foreignBytesInUse()

/** Takes chunks, and looks at the memory every so many bytes. */
class Taker {
  count = 0
  private tail: Uint8Array = new Uint8Array(0)
  private readonly samples: Array<number> = []
  private readonly look: () => number

  constructor(look: () => number = resident) {
    this.look = look
  }

  take(chunk: Uint8Array): void {
    this.count += chunk.length
    this.tail = chunk.length >= end.length ? chunk : Buffer.concat([this.tail, chunk])
    if (this.count >= (size / SAMPLES) * this.samples.length) this.samples.push(this.look())
  }

  /** All has come, to its very end, and the memory did not grow on the way. */
  judge(): void {
    assert.strictEqual(this.count, size)
    assert.deepStrictEqual([...this.tail.subarray(-end.length)], [...end])
    const { after, before, isFlat } = growth(this.samples) ?? { after: 0, before: 0, isFlat: false }
    const grown = `grew from ${mebibytes(before)} to ${mebibytes(after)} (${this.samples.length} samples)`
    assert.isTrue(isFlat, `the memory ${grown}`)
  }
}

const takeAll = (connection: Net.Connection, taker: Taker) =>
  Effect.gen(function* () {
    while (taker.count < size) {
      const chunk = yield* connection.read
      if (chunk.length === 0) return
      taker.take(chunk)
    }
  })

const sending = <E, R>(
  ends: Effect.Effect<{ readonly client: Net.Connection; readonly server: Net.Connection }, E, R>,
  look?: () => number
) =>
  Effect.gen(function* () {
    const { client, server } = yield* ends
    const file = yield* sparseFile
    const taker = new Taker(look)
    const [sent] = yield* Effect.all([client.sendFile(file), takeAll(server, taker)], { concurrency: 2 })
    assert.strictEqual(sent, size)
    taker.judge()
  })

/** One whose sending end is a Node stream: the file is read and sent. */
const nodePair = Effect.gen(function* () {
  const { first, port } = yield* NodeNetPeer.listen
  const [client, server] = yield* Effect.all([NodeNetPeer.connect(port), first], { concurrency: 2 })
  return { client: yield* NodeConnection.make(client), server: yield* NodeConnection.make(server) }
})

const checked = (name: string, program: () => Parameters<typeof runChecked>[1]) =>
  it(name, () => runChecked(subject, program()))

describe(`a sparse file of ${mebibytes(size)}`, () => {
  checked("is read with flat memory", () =>
    Effect.gen(function* () {
      const file = yield* sparseFile
      const taker = new Taker()
      yield* Stream.runForEach(File.stream(file), (chunk) => Effect.sync(() => taker.take(chunk)))
      taker.judge()
    })
  )

  checked("is sent by the system with flat memory", () => sending(pair, subject.isSlow ? held : resident))

  checked("is copied to a stream with flat memory", () => sending(nodePair))
})
