/**
 * Link-local addresses whose zone is an interface by name, on a network of the test's own.
 */
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { root } from "../process/child.js"
import { absenceOfOwnNetwork, startInOwnNetwork } from "../support/ownNetwork.js"

const setUp = "ip link set lo up && ip -6 address add fe80::1/64 dev lo nodad"
const program = fileURLToPath(new URL("programs/zones.mjs", import.meta.url))
const absence = absenceOfOwnNetwork()

describe.skipIf(absence !== undefined)("a zone by name", () => {
  it.live("is listened at and connected to, and addresses tell its number", () =>
    Effect.gen(function* () {
      const child = yield* startInOwnNetwork(setUp, root, program)
      const result: unknown = JSON.parse(yield* child.line("result: "))
      assert.deepStrictEqual(result, {
        line: "by name",
        listening: "[fe80::1%1]",
        connected: "[fe80::1%1]",
        accepted: "[fe80::1%1]",
        withoutZone: "InvalidArgument",
        unknown: "HostNotFound"
      })
      assert.deepInclude(yield* child.ending, { code: 0 })
    }).pipe(Effect.scoped)
  )
})
