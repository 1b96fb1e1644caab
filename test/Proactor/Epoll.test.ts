import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as EpollProactor from "../../src/Proactor/Epoll/EpollProactor.js"
import { proactorContract } from "./contract.js"

const isHere = process.platform === "linux"

proactorContract({
  name: "epoll",
  make: EpollProactor.make,
  isHere,
  isSlow: false,
  restartsAtOnce: true,
  codes: {
    refused: { code: 111, codeName: "ECONNREFUSED" },
    addressInUse: { code: 98, codeName: "EADDRINUSE" },
    notConnected: { code: 107, codeName: "ENOTCONN" }
  }
})

describe.skipIf(isHere)("the epoll proactor elsewhere", () => {
  it.live("is a typed failure, not a crash", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(Effect.scoped(EpollProactor.make))
      assert.strictEqual(failure.reason, "Unsupported")
    })
  )
})
