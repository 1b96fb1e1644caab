/**
 * The RPC example: the same answers over these sockets and over those of `@effect/platform-node`.
 */
import * as NodeSocket from "@effect/platform-node/NodeSocket"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import { assert, it } from "@effect/vitest"
import { conversation, program } from "../../examples/rpc.js"
import { runCollecting } from "./running.js"

const host = "127.0.0.1"

it("answers the same over both", async () => {
  const theirs = conversation({
    server: NodeSocketServer.layer({ host, port: 0 }),
    client: (port) => NodeSocket.layerNet({ host, port })
  })
  const ours = await runCollecting(program)
  assert.strictEqual(ours.lines.length, 4)
  assert.deepStrictEqual(ours.lines, (await runCollecting(theirs)).lines)
})
