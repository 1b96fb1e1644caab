import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as EpollProactor from "../../src/Proactor/Epoll/EpollProactor.js"
import { fairness } from "./contract/fairness.js"
import { proactorContract } from "./contract.js"
import { epoll } from "./epollSubject.js"
import {
  failureOf,
  pair,
  pattern,
  receiveExactly,
  receiveOperation,
  sendAll,
  test,
  turns
} from "./harness.js"

proactorContract(epoll)

describe.runIf(epoll.isHere)("the epoll proactor's own", () => {
  fairness(epoll)

  test(epoll, "a receive that has to wait for others can be cancelled, and takes nothing then", (proactor) =>
    Effect.gen(function* () {
      const { client, server } = yield* pair(proactor)
      const sent = pattern(200)
      yield* sendAll(client, sent)
      yield* turns
      const operation = receiveOperation(1)
      const seen: Array<number> = []
      while (server.submit(operation)) seen.push(...operation.takeChunk())
      assert.isBelow(seen.length, sent.length, "none had to wait")
      server.cancel(operation)
      assert.strictEqual(failureOf(operation).reason, "Cancelled")
      yield* turns
      seen.push(...(yield* receiveExactly(server, sent.length - seen.length)))
      assert.deepStrictEqual(seen, [...sent])
    })
  )
})

describe.skipIf(epoll.isHere)("the epoll proactor elsewhere", () => {
  it.live("is a typed failure, not a crash", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(Effect.scoped(EpollProactor.make))
      assert.strictEqual(failure.reason, "Unsupported")
    })
  )
})
