/**
 * Completion packets that are nobody's: of a socket that is closed, or that somebody else put into the port.
 *
 * A packet that leads to an operation in flight must still come under the key of the operation's own socket, which
 * holds the generation of its slot. Kills the mutants without that check: `IocpProactor.poll` taking a packet for the
 * operation whose OVERLAPPED it names, whatever its key; and, by way of the key of a closed socket in the same slot, a
 * key without a generation. (`SlotTable.find` without its check falls to `test/Proactor/SlotTable.test.ts`.)
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { kernel32 } from "../../src/Iocp/Kernel32.js"
import { PortWaiter } from "../../src/Iocp/PortWaiter.js"
import * as IocpProactor from "../../src/Proactor/Iocp/IocpProactor.js"
import { type OperationSlot, OperationSlots } from "../../src/Proactor/Iocp/OperationSlots.js"
import type { ProactorService } from "../../src/Proactor/Proactor.js"
import { closing, pair, receiveOperation, sendAll, start, text, turns } from "../Proactor/harness.js"

/** What a proactor keeps to itself. */
const insides = (proactor: ProactorService) => {
  const waiter: unknown = Reflect.get(proactor, "waiter")
  const slots: unknown = Reflect.get(proactor, "slots")
  if (!(waiter instanceof PortWaiter && slots instanceof OperationSlots)) throw new Error("it was rebuilt")
  return { port: waiter.handle, slots }
}

const onlyBusy = (slots: OperationSlots): OperationSlot => {
  const [slot, ...others] = slots.busy()
  if (slot === undefined || others.length > 0) throw new Error("one operation was to be in flight")
  return slot
}

describe.runIf(process.platform === "win32")("a packet of a stranger's", () => {
  it.scopedLive("retires nobody's operation, and the operation's own packet still does", () =>
    Effect.gen(function* () {
      const proactor = yield* IocpProactor.make
      const { port, slots } = insides(proactor)
      // A connection before this one has had the same slots, in an earlier generation.
      const keyOfTheGone = yield* Effect.scoped(
        Effect.gen(function* () {
          const { server } = yield* pair(proactor)
          const receiving = start(server, receiveOperation())
          const { key } = onlyBusy(slots)
          server.cancel(receiving.operation)
          yield* receiving.retired
          return key
        })
      )
      const { client, server } = yield* pair(proactor)
      const receiving = start(server, receiveOperation())
      const slot = onlyBusy(slots)
      for (const key of [keyOfTheGone, slot.key + 1, 0]) {
        assert.notStrictEqual(key, slot.key)
        assert.notStrictEqual(kernel32().PostQueuedCompletionStatus(port, 3, key, slot.address), 0)
      }
      // An address that is no operation's, under a key that is somebody's.
      assert.notStrictEqual(kernel32().PostQueuedCompletionStatus(port, 3, slot.key, slot.address + 8), 0)
      yield* Effect.sleep("50 millis")
      yield* turns
      assert.strictEqual(receiving.retirements(), 0)
      assert.isTrue(receiving.operation.isInFlight)
      yield* sendAll(client, new TextEncoder().encode("its own"))
      const { chunk, failure } = yield* receiving.retired
      assert.isUndefined(failure)
      assert.strictEqual(text(chunk), "its own")
      assert.strictEqual(receiving.retirements(), 1)
      yield* closing(server)
    })
  )
})
