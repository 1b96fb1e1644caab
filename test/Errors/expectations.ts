import { assert } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import {
  isConnectionErrorReason,
  type SocketError,
  type SocketErrorReason,
  type SystemCall
} from "../../src/Errors/index.js"

export const call: SystemCall = { operation: "read", syscall: "recv", address: "127.0.0.1:80" }

/** Checks the whole error: its class, reason and code, and that what the call was told is still there. */
export const expectError = (
  error: SocketError,
  expected: { readonly code: number; readonly codeName: string; readonly reason: SocketErrorReason }
) => {
  const _tag = isConnectionErrorReason(expected.reason) ? "ConnectionError" : "NetworkError"
  const fields: object = { ...error }
  assert.deepInclude(fields, { _tag, ...call, ...expected })
}

/** Integers of every size, and what else a number can be. */
export const anyCode = FastCheck.oneof(
  FastCheck.integer(),
  FastCheck.integer({ min: 0, max: 0xffffffff }),
  FastCheck.integer({ min: -200, max: 20000 }),
  FastCheck.maxSafeInteger(),
  FastCheck.double()
)

/** That it is a typed error of one line whose reason fits its class. */
export const expectTotal = (error: SocketError) => {
  const _tag = isConnectionErrorReason(error.reason) ? "ConnectionError" : "NetworkError"
  assert.strictEqual(error._tag, _tag)
  assert.match(error.message, /^read 127\.0\.0\.1:80: .+ from recv\)\. .+[.?]$/)
  assert.deepInclude({ ...error }, { ...call })
  assert.isNumber(error.code)
  assert.isString(error.codeName)
}
