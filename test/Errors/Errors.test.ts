import { inspect } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import {
  ConnectionError,
  closed,
  connectionErrorReasons,
  type ErrorDetails,
  invalidArgument,
  isConnectionError,
  isConnectionErrorReason,
  isNetworkError,
  isSocketError,
  isTimeoutError,
  NetworkError,
  networkErrorReasons,
  socketError,
  TimeoutError,
  unsupported
} from "../../src/Errors/index.js"

const allDetails = {
  operation: "connect",
  syscall: "ConnectEx",
  code: 10061,
  codeName: "WSAECONNREFUSED",
  status: 0xc0000236,
  statusName: "STATUS_CONNECTION_REFUSED",
  address: "127.0.0.1:80",
  advice: "Start the server."
} satisfies ErrorDetails

const refused = new ConnectionError({
  operation: "connect",
  syscall: "connect",
  code: 111,
  codeName: "ECONNREFUSED",
  address: "127.0.0.1:80",
  reason: "Refused"
})

const refusedMessage =
  "connect 127.0.0.1:80: connection refused (ECONNREFUSED 111 from connect). Is a server listening there?"

const late = new TimeoutError({ operation: "read", duration: Duration.seconds(5) })

describe("messages", () => {
  const cases: ReadonlyArray<
    readonly [error: NetworkError | ConnectionError | TimeoutError, message: string]
  > = [
    [refused, refusedMessage],
    [
      new ConnectionError({ ...allDetails, reason: "Refused" }),
      "connect 127.0.0.1:80: connection refused (WSAECONNREFUSED 10061, STATUS_CONNECTION_REFUSED 0xC0000236, " +
        "from ConnectEx). Start the server."
    ],
    [
      invalidArgument("listen", "The port must be 0 to 65535, not 70000.", "127.0.0.1:70000"),
      "listen 127.0.0.1:70000: invalid argument. The port must be 0 to 65535, not 70000."
    ],
    [
      unsupported("Iocp.make", "completion ports exist on Windows only"),
      "Iocp.make: not supported: completion ports exist on Windows only."
    ],
    [
      closed("read", "[::1]:80"),
      "read [::1]:80: closed on this side. The socket, or this half of it, was closed before the call. Open another one."
    ],
    [
      new NetworkError({ operation: "bind", reason: "PermissionDenied", code: 13, codeName: "EACCES" }),
      "bind: permission denied (EACCES 13). Low ports need more rights, and a system may keep some ports to itself. " +
        "Try another one."
    ],
    [
      new NetworkError({ operation: "read", reason: "Unknown", code: 7, syscall: "recv" }),
      "read: failed (7 from recv). Look the code up in the documentation of the system."
    ],
    [
      new NetworkError({ operation: "constructor", reason: "Cancelled" }),
      "constructor: cancelled. Try again if it is still wanted."
    ],
    [late, "read: not done within 5s. Allow more time, or try again."],
    [
      new TimeoutError({
        operation: "write",
        address: "[::1]:80",
        duration: Duration.millis(1500),
        bytesTransferred: 1
      }),
      "write [::1]:80: not done within 1s 500ms, with 1 byte done. Allow more time, or go on after what is done."
    ],
    [
      new TimeoutError({
        operation: "write",
        duration: Duration.seconds(1),
        bytesTransferred: 0,
        advice: "Give up!"
      }),
      "write: not done within 1s, with 0 bytes done. Give up!"
    ]
  ]
  for (const [error, message] of cases) it(message, () => assert.strictEqual(error.message, message))

  it("are one line, with an end, for every reason", () => {
    const address = "a\r\nb\u2028c\u0000d"
    for (const reason of [...connectionErrorReasons, ...networkErrorReasons]) {
      const { message } = socketError(reason, { operation: "accept", address })
      assert.match(message, /^accept a b c d: [^\p{Cc}\u2028\u2029]+[.?]$/u)
    }
  })
})

describe("fields", () => {
  it("are all kept", () => {
    const cause = new Error("below")
    const network = new NetworkError({ ...allDetails, reason: "Unknown", cause })
    assert.deepInclude({ ...network }, { _tag: "NetworkError", reason: "Unknown", ...allDetails })
    assert.strictEqual(network.cause, cause)
    const connection = new ConnectionError({ ...allDetails, reason: "Refused", cause })
    assert.deepInclude({ ...connection }, { _tag: "ConnectionError", reason: "Refused", ...allDetails })
    assert.strictEqual(connection.cause, cause)
    const duration = Duration.seconds(1)
    const timeout = new TimeoutError({ ...allDetails, duration, bytesTransferred: 3, cause })
    assert.deepInclude({ ...timeout }, { _tag: "TimeoutError", bytesTransferred: 3, ...allDetails })
    assert.isTrue(Equal.equals(timeout.duration, duration))
    assert.strictEqual(timeout.cause, cause)
  })

  it("that are undefined count as absent", () => {
    const bare = new ConnectionError({ operation: "read", reason: "Closed" })
    const padded = new ConnectionError({
      operation: "read",
      reason: "Closed",
      syscall: undefined,
      code: undefined,
      codeName: undefined,
      status: undefined,
      statusName: undefined,
      address: undefined,
      advice: undefined,
      cause: undefined
    })
    assert.isTrue(Equal.equals(bare, padded))
    assert.deepStrictEqual(Object.keys(padded).sort(), ["_tag", "operation", "reason"])
    assert.notInclude(inspect(padded), "cause")
  })

  it("that are zero, empty or false are kept", () => {
    const error = new NetworkError({ operation: "", reason: "Unknown", code: 0, cause: false })
    assert.deepInclude({ ...error }, { operation: "", code: 0, cause: false })
  })
})

describe("equality", () => {
  const error = (address: string) => closed("read", address)

  it("is by the fields", () => {
    assert.isTrue(Equal.equals(error("a"), error("a")))
    assert.strictEqual(Hash.hash(error("a")), Hash.hash(error("a")))
    assert.isFalse(Equal.equals(error("a"), error("b")))
    const second = new TimeoutError({ operation: "read", duration: Duration.millis(5000) })
    assert.isTrue(Equal.equals(late, second))
  })

  it("tells the classes apart", () => {
    const timeout = new TimeoutError({ operation: "read", duration: Duration.zero })
    const unknown = new NetworkError({ operation: "read", reason: "Unknown" })
    assert.isFalse(Equal.equals(timeout, unknown))
    assert.isFalse(Equal.equals(unknown, new ConnectionError({ operation: "read", reason: "Closed" })))
  })
})

describe("printing", () => {
  it("as a string", () => {
    assert.strictEqual(String(refused), `ConnectionError: ${refusedMessage}`)
    assert.strictEqual(refused.stack?.split("\n")[0], `ConnectionError: ${refusedMessage}`)
  })

  it("in a cause", () => {
    const [first, second] = Cause.pretty(Cause.fail(refused)).split("\n")
    assert.strictEqual(first, `ConnectionError: ${refusedMessage}`)
    assert.include(second, "Errors.test.ts")
  })

  it("in a cause, with the failure below", () => {
    const error = new NetworkError({
      operation: "resolve",
      reason: "ResolverFailed",
      cause: new Error("below")
    })
    assert.include(Cause.pretty(Cause.fail(error), { renderErrorCause: true }), "[cause]: Error: below")
  })

  it("by console.log", () => {
    assert.include(inspect(refused), refusedMessage)
    assert.include(inspect(refused), "reason: 'Refused'")
  })

  it("as JSON", () => {
    assert.deepStrictEqual(JSON.parse(JSON.stringify(refused)), {
      _tag: "ConnectionError",
      message: refusedMessage,
      operation: "connect",
      syscall: "connect",
      code: 111,
      codeName: "ECONNREFUSED",
      address: "127.0.0.1:80",
      reason: "Refused"
    })
    assert.deepStrictEqual(JSON.parse(JSON.stringify(late)), {
      _tag: "TimeoutError",
      message: late.message,
      operation: "read",
      duration: { _id: "Duration", _tag: "Millis", millis: 5000 }
    })
  })

  it("as JSON, whatever the cause", () => {
    const itself: Record<string, unknown> = {}
    itself["itself"] = itself
    const printed = (cause: unknown) =>
      JSON.parse(JSON.stringify(new NetworkError({ operation: "resolve", reason: "Unknown", cause }))).cause
    assert.strictEqual(printed(new TypeError("below")), "TypeError: below")
    assert.strictEqual(printed("text"), "text")
    for (const cause of [itself, 1n, Symbol("s"), null, () => 1]) assert.isString(printed(cause))
  })
})

describe("in programs", () => {
  const fail = (error: NetworkError | ConnectionError | TimeoutError) => Effect.fail(error)

  it.effect("catchTag and catchTags know the classes", () =>
    Effect.gen(function* () {
      const reason = yield* fail(refused).pipe(
        Effect.catchTag("ConnectionError", (e) => Effect.succeed(e.reason))
      )
      assert.strictEqual(reason, "Refused")
      const handle = Effect.catchTags({
        ConnectionError: (error: ConnectionError) => Effect.succeed(error.reason),
        NetworkError: (error: NetworkError) => Effect.succeed(error.reason),
        TimeoutError: (error: TimeoutError) => Effect.succeed(Duration.format(error.duration))
      })
      assert.strictEqual(yield* handle(fail(refused)), "Refused")
      assert.strictEqual(yield* handle(fail(unsupported("make", "No."))), "Unsupported")
      assert.strictEqual(yield* handle(fail(late)), "5s")
    })
  )

  it.effect("an error is an effect that fails with it", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Effect.gen(function* () {
          return yield* refused
        })
      )
      assert.strictEqual(error, refused)
    })
  )

  it("the guards tell them apart", () => {
    const errors: ReadonlyArray<unknown> = [unsupported("a", "b"), refused, late, new Error("other"), null]
    assert.deepStrictEqual(errors.map(isNetworkError), [true, false, false, false, false])
    assert.deepStrictEqual(errors.map(isConnectionError), [false, true, false, false, false])
    assert.deepStrictEqual(errors.map(isTimeoutError), [false, false, true, false, false])
    assert.deepStrictEqual(errors.map(isSocketError), [true, true, false, false, false])
  })

  it("every reason makes an error of its own class", () => {
    for (const reason of connectionErrorReasons) {
      assert.isTrue(isConnectionErrorReason(reason))
      const error = socketError(reason, { operation: "read" })
      assert.isTrue(error instanceof ConnectionError && error.reason === reason)
    }
    for (const reason of networkErrorReasons) {
      assert.isFalse(isConnectionErrorReason(reason))
      const error = socketError(reason, { operation: "read" })
      assert.isTrue(error instanceof NetworkError && error.reason === reason)
    }
  })

  it("what is found without a system call has no code", () => {
    for (const error of [invalidArgument("a", "b", "c"), unsupported("a", "b"), closed("a", "c")]) {
      assert.isUndefined(error.code)
      assert.isUndefined(error.syscall)
      assert.strictEqual(error.operation, "a")
    }
    assert.deepInclude(
      { ...invalidArgument("a", "b", "c") },
      { reason: "InvalidArgument", advice: "b", address: "c" }
    )
    assert.deepInclude({ ...unsupported("a", "b") }, { reason: "Unsupported", advice: "b" })
    assert.deepInclude({ ...closed("a", "c") }, { _tag: "ConnectionError", reason: "Closed", address: "c" })
  })
})

describe("stack traces", () => {
  const framesOf = (error: Error) => error.stack?.split("\n").filter((line) => /^\s+at /.test(line)) ?? []

  it("are spared where an error comes from a system call: they would show the completion loop", () => {
    assert.deepStrictEqual(framesOf(socketError("Reset", { operation: "read" })), [])
    assert.deepStrictEqual(framesOf(closed("read")), [])
  })

  it("are there where the program is at fault, and in everybody else's errors", () => {
    socketError("Reset", { operation: "read" })
    assert.isNotEmpty(framesOf(invalidArgument("listen", "on purpose")))
    assert.isNotEmpty(framesOf(new Error("on purpose")))
  })
})
