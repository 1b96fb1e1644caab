/** The disks of simulated hosts. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as File from "../../src/File/index.js"
import * as Net from "../../src/Net/index.js"
import { bytes, text } from "../support/bytes.js"

const PAGE = 4096

const on = <A, E>(
  options: Net.SimulationOptions,
  program: Effect.Effect<A, E, Net.Net | Net.Simulated | Scope.Scope>
) => Effect.scoped(program).pipe(Effect.provide(Net.layerSimulated(options)))

const write = (path: string, what: string) =>
  Effect.flatMap(File.open(path, { access: "write", create: "ifMissing" }), (file) =>
    file.writeAll(bytes(what), { offset: 0 })
  ).pipe(Effect.scoped)

const read = (path: string) =>
  Effect.flatMap(File.open(path, { access: "read" }), (file) =>
    Effect.map(file.read({ offset: 0 }), text)
  ).pipe(Effect.scoped)

describe("the disk of a simulated host", () => {
  it.effect("is full when it is full, and has room again when something is cut", () =>
    on(
      { diskBytes: 3 * PAGE },
      Effect.gen(function* () {
        const file = yield* File.open("a", { access: "readWrite", create: "ifMissing" })
        const failure = yield* Effect.flip(file.writeAll(new Uint8Array(4 * PAGE).fill(1), { offset: 0 }))
        assert.deepInclude(failure, {
          _tag: "FileError",
          reason: "DiskFull",
          codeName: "ENOSPC",
          bytesTransferred: 3 * PAGE
        })
        assert.strictEqual(yield* file.size, 3 * PAGE)
        const other = yield* File.open("b", { access: "readWrite", create: "ifMissing" })
        assert.strictEqual((yield* Effect.flip(other.write(bytes("x"), { offset: 0 }))).reason, "DiskFull")
        // What is there already can be overwritten.
        yield* file.writeAll(bytes("over"), { offset: PAGE })
        yield* file.truncate(2 * PAGE)
        yield* other.writeAll(bytes("room"), { offset: 0 })
        assert.strictEqual(text(yield* other.read({ offset: 0 })), "room")
      })
    )
  )

  it.effect("takes no room for what was never written", () =>
    on(
      { diskBytes: 2 * PAGE },
      Effect.gen(function* () {
        const file = yield* File.open("a", { access: "readWrite", create: "ifMissing" })
        yield* file.writeAll(bytes("far"), { offset: 5 * 2 ** 30 })
        yield* file.truncate(2 ** 50)
        yield* file.writeAll(bytes("near"), { offset: 0 })
        assert.strictEqual(text(yield* file.read({ offset: 5 * 2 ** 30, maxBytes: 3 })), "far")
      })
    )
  )

  it.effect("is the host's own, and outlasts what opened its files", () =>
    on(
      {},
      Effect.gen(function* () {
        const here = Net.Simulated.on("here")
        const there = Net.Simulated.on("there")
        yield* here(write("config", "here"))
        yield* there(write("config", "there"))
        assert.strictEqual(yield* here(read("config")), "here")
        assert.strictEqual(yield* there(read("config")), "there")
        assert.strictEqual((yield* Effect.flip(read("config"))).reason, "NotFound")
      })
    )
  )

  it.effect("tells the time of the simulation", () =>
    on(
      {},
      Effect.gen(function* () {
        const file = yield* File.open("a", { access: "write", create: "ifMissing" })
        yield* file.writeAll(bytes("x"), { offset: 0 })
        // The clock of the test stands still.
        assert.strictEqual((yield* file.stat).modified.getTime(), 0)
      })
    )
  )
})
