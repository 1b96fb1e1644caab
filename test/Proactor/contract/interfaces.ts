import { networkInterfaces } from "node:os"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type Subject, test } from "../harness.js"

export const interfaces = (subject: Subject): void => {
  const known = subject.isIsolated === true ? { lo: [], eth0: [] } : networkInterfaces()

  test(subject, "each interface has a number of its own, by its name", (proactor) =>
    Effect.gen(function* () {
      const numbers = new Set<number>()
      for (const [name, entries = []] of Object.entries(known)) {
        const index = yield* proactor.interfaceIndex(name)
        assert.isAtLeast(index, 1)
        numbers.add(index)
        // Node tells the number where there is a link-local address.
        for (const { family, scopeid } of entries) {
          if (family === "IPv6" && scopeid !== 0) assert.strictEqual(index, scopeid)
        }
      }
      assert.strictEqual(numbers.size, Object.keys(known).length)
      assert.isAtLeast(numbers.size, 1)
    })
  )

  test(subject, "a name that no interface has: AddressNotAvailable", (proactor) =>
    Effect.gen(function* () {
      for (const name of ["no such interface", "lo ", "x".repeat(500), "é", "12"]) {
        const failure = yield* Effect.flip(proactor.interfaceIndex(name))
        assert.deepInclude(
          { ...failure },
          {
            _tag: "ConnectionError",
            reason: "AddressNotAvailable",
            operation: "interfaceIndex",
            address: name
          }
        )
      }
    })
  )

  test(subject, "what is no name is refused before the system sees it", (proactor) =>
    Effect.gen(function* () {
      const untyped: (name: unknown) => Effect.Effect<number, unknown> = (name) =>
        Reflect.apply(proactor.interfaceIndex, proactor, [name])
      for (const name of ["", "lo\0", undefined, 1]) {
        const failure = yield* Effect.flip(untyped(name))
        assert.deepInclude(failure, { _tag: "NetworkError", reason: "InvalidArgument" })
      }
    })
  )
}
