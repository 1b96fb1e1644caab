/** What is no path, and no option, is a typed failure: within the effect, and before the system sees anything. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { FileError } from "../../src/Errors/index.js"
import * as File from "../../src/File/index.js"
import * as Net from "../../src/Net/index.js"
import { strangers } from "../support/strangers.js"

const { Directory } = File

const assertInvalid = (
  operation: "open" | "watch",
  effect: Effect.Effect<unknown, FileError, Net.Net | Scope.Scope>
) =>
  Effect.map(Effect.flip(Effect.scoped(effect)), (failure) => {
    assert.deepInclude(failure, { _tag: "FileError", reason: "InvalidArgument", operation })
    // Its message and its plain form can be had, whatever was given.
    assert.include(failure.message, operation)
    assert.doesNotThrow(() => JSON.stringify(failure))
    return failure
  })

for (const [name, layer] of [
  ["this system", Net.layer],
  ["a simulated network", Net.layerSimulated()]
] as const) {
  describe(`files on ${name}`, () => {
    it.effect.each(strangers)("cannot have %s as their path", ([, stranger]) =>
      Effect.gen(function* () {
        for (const failing of [
          assertInvalid("open", File.open(stranger, { access: "read" })),
          assertInvalid("watch", Directory.watch(stranger))
        ]) {
          const failure = yield* failing
          assert.isUndefined(failure.path)
          assert.include(failure.message, `a value of type ${typeof stranger}`)
        }
      }).pipe(Effect.provide(layer))
    )

    it.effect.each(strangers)("cannot be opened with %s in the place of options", ([, stranger]) =>
      Effect.provide(assertInvalid("open", File.open("never", stranger)), layer)
    )

    it.effect.each(strangers)("cannot be opened with %s as the access", ([, stranger]) =>
      Effect.provide(assertInvalid("open", File.open("never", { access: stranger })), layer)
    )

    it.effect.each([null, 42, "yes", Symbol("options")])("cannot be watched with %s as options", (options) =>
      Effect.provide(assertInvalid("watch", Directory.watch(".", options as never)), layer)
    )

    it.effect.each([null, 1, "yes", {}])("cannot be watched with %s as recursive", (recursive) =>
      Effect.provide(assertInvalid("watch", Directory.watch(".", { recursive: recursive as never })), layer)
    )
  })
}
