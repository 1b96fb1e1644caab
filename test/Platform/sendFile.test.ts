/** Files over connections that have no system call for that: read and sent, a chunk at a time. */
import { describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeConnection from "../../src/Platform/NodeConnection.js"
import * as NodeNetPeer from "../interop/nodeNet.js"
import { sendFile } from "../Net/contract/sendFile.js"
import { subject } from "./streams.js"
import { tlsPair } from "./tlsEnds.js"

const nodePair = Effect.gen(function* () {
  const { first, port } = yield* NodeNetPeer.listen
  const [client, server] = yield* Effect.all([NodeNetPeer.connect(port), first], { concurrency: 2 })
  return { client: yield* NodeConnection.make(client), server: yield* NodeConnection.make(server) }
})

describe("sending files over TLS", () => {
  sendFile({ ...subject, name: `${subject.name}, TLS`, pair: Effect.orDie(tlsPair()) })
})

describe("sending files over a Node stream", () => {
  sendFile({ ...subject, name: `${subject.name}, Node`, pair: Effect.orDie(nodePair) })
})
