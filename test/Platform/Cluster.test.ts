/**
 * `@effect/cluster` over these sockets and over those of `@effect/platform-node`: two runners, each with a server and clients.
 */
import {
  Entity,
  MessageStorage,
  RunnerAddress,
  RunnerHealth,
  RunnerStorage,
  Runners,
  type Sharding,
  ShardingConfig,
  SocketRunner
} from "@effect/cluster"
import * as PlatformSocket from "@effect/platform/Socket"
import * as PlatformSocketServer from "@effect/platform/SocketServer"
import * as Rpc from "@effect/rpc/Rpc"
import * as RpcClient from "@effect/rpc/RpcClient"
import * as RpcSerialization from "@effect/rpc/RpcSerialization"
import { assert, describe } from "@effect/vitest"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Net from "../../src/Net/index.js"
import { test } from "../Net/harness.js"
import { both, portOf, type Sockets, subject } from "./bothLayers.js"

/** Counts what it is told, and says on which runner it lives. */
const Counter = Entity.make("Counter", [
  Rpc.make("Add", {
    payload: { amount: Schema.Number },
    success: Schema.Struct({ runner: Schema.String, total: Schema.Number })
  })
])

const counting = (runner: string) =>
  Counter.toLayer(
    Effect.sync(() => {
      let total = 0
      return {
        Add: ({ payload: { amount } }) =>
          Effect.sync(() => {
            total += amount
            return { runner, total }
          })
      }
    })
  )

/** How runners talk to each other. */
const protocol = (sockets: Sockets) =>
  Layer.effect(
    Runners.RpcClientProtocol,
    Effect.map(
      Effect.context<RpcSerialization.RpcSerialization | Net.Net>(),
      (context) =>
        ({ port }) =>
          Effect.flatMap(Effect.orDie(sockets.client(port, 1000)), (socket) =>
            Effect.provideService(RpcClient.makeProtocolSocket(), PlatformSocket.Socket, socket)
          ).pipe(Effect.provide(context))
    )
  )

/** A runner of the cluster whose members are in the storage. */
const runner = (sockets: Sockets, storage: RunnerStorage.RunnerStorage["Type"], name: string) =>
  Effect.gen(function* () {
    const server = yield* sockets.server()
    const address = RunnerAddress.make("127.0.0.1", portOf(server))
    return yield* counting(name).pipe(
      Layer.provideMerge(SocketRunner.layer),
      Layer.provide(protocol(sockets)),
      Layer.provide([
        Layer.succeed(PlatformSocketServer.SocketServer, server),
        Layer.succeed(RunnerStorage.RunnerStorage, storage),
        MessageStorage.layerNoop,
        RunnerHealth.layerNoop,
        RpcSerialization.layerMsgPack,
        ShardingConfig.layer({
          runnerAddress: Option.some(address),
          shardsPerGroup: 20,
          refreshAssignmentsInterval: "50 millis",
          sendRetryInterval: "20 millis"
        })
      ]),
      Layer.build
    )
  })

const ids = Array.from({ length: 40 }, (_, index) => `counter ${index}`)

/** Tells every counter, by way of this runner; what they answer. */
const addToAll = (by: Context.Context<Sharding.Sharding>, amount: number) =>
  Effect.flatMap(Counter.client, (clientOf) =>
    Effect.forEach(ids, (id) => clientOf(id).Add({ amount }), { concurrency: "unbounded" })
  ).pipe(Effect.provide(by))

/** Where the counters live, once both runners have some of them and none moves any more. */
const settled = (by: Context.Context<Sharding.Sharding>) =>
  Effect.gen(function* () {
    let before = ""
    for (;;) {
      const homes = (yield* addToAll(by, 0)).map((answer) => answer.runner)
      if (new Set(homes).size === 2 && homes.join() === before) return homes
      before = homes.join()
      yield* Effect.sleep("200 millis")
    }
  })

for (const sockets of both) {
  describe(sockets.name, () => {
    test(subject, "entities live on either of two runners, and are reached from both", () =>
      Effect.gen(function* () {
        const storage = yield* RunnerStorage.makeMemory
        const one = yield* runner(sockets, storage, "one")
        const other = yield* runner(sockets, storage, "other")
        const homes = yield* settled(one)
        for (const [by, total] of [
          [one, 5],
          [other, 10]
        ] as const) {
          const expected = homes.map((home) => ({ runner: home, total }))
          assert.deepStrictEqual(yield* addToAll(by, 5), expected)
        }
      }).pipe(Effect.provide(Logger.remove(Logger.defaultLogger)))
    )
  })
}
