import { assert, describe, it } from "@effect/vitest"
import * as C from "../../src/Iocp/Constants.js"

describe("constants", () => {
  it("have the GUIDs of mswsock.h, in memory order", () => {
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")
    assert.strictEqual(hex(C.WSAID_ACCEPTEX), "f17d36b5accbcf1195ca00805f48a192")
    assert.strictEqual(hex(C.WSAID_GETACCEPTEXSOCKADDRS), "f27d36b5accbcf1195ca00805f48a192")
    assert.strictEqual(hex(C.WSAID_CONNECTEX), "b907a225f3dd60468ee976e58c74063e")
  })

  it("pass a backlog as SOMAXCONN_HINT does", () => {
    assert.strictEqual(C.somaxconnHint(1), -200)
    assert.strictEqual(C.somaxconnHint(1000), -1000)
    assert.strictEqual(C.somaxconnHint(1_000_000), -65535)
  })
})
