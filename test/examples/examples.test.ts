/**
 * Every example runs, prints what it says it prints, and leaves nothing open.
 */
import { readdirSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as callbacks from "../../examples/callbacks.js"
import * as completionPort from "../../examples/completion-port.js"
import * as dnsResponder from "../../examples/dns-responder.js"
import * as echoServer from "../../examples/echo-server.js"
import * as epoll from "../../examples/epoll.js"
import * as fileServer from "../../examples/file-server.js"
import * as flakyServer from "../../examples/flaky-server.js"
import * as futures from "../../examples/futures.js"
import * as hello from "../../examples/hello.js"
import * as httpApi from "../../examples/http-api.js"
import * as redisServer from "../../examples/redis-server.js"
import * as rpc from "../../examples/rpc.js"
import * as select from "../../examples/select.js"
import * as tcpProxy from "../../examples/tcp-proxy.js"
import * as tlsChat from "../../examples/tls-chat.js"
import * as workerQueue from "../../examples/worker-queue.js"
import { makeProgram } from "../support/program.js"
import { runCollecting } from "./running.js"

interface Expectation {
  readonly program: Effect.Effect<unknown, unknown>
  readonly platform?: NodeJS.Platform
  /** Each of them matches one line, and every line is matched. Without `anyOrder` they come in this order. */
  readonly lines: ReadonlyArray<RegExp>
  readonly anyOrder?: boolean
}

const examples: Record<string, Expectation> = {
  callbacks: {
    program: callbacks.program,
    anyOrder: true,
    lines: [
      /^accept and connect are under way$/,
      /^accept: connected with 127\.0\.0\.1:\d+$/,
      /^connect: connected with 127\.0\.0\.1:\d+$/,
      /^read is under way$/,
      /^write: all bytes are on their way$/,
      /^read: "Hello, whoever you are"$/,
      /^connect: connect 127\.0\.0\.1:\d+: connection refused \((WSA)?ECONNREFUSED \d+.* from \w+\)/
    ]
  },
  "completion-port": {
    program: completionPort.program,
    platform: "win32",
    lines: [
      /^posted and waited: key 0xfedcba9876543210, 42 bytes, overlapped 0x123456789abcdef$/,
      /^waited in vain: waitForCompletion: not done within 50ms/,
      /^only looked: CompletionTimeout$/,
      /^a batch: the keys 1, 2, 3$/,
      /^handled: the first$/,
      /^handled: a key that was released$/,
      /^processed 2 packets$/,
      /^received under key 10: "a datagram"$/,
      /^it came from the sender$/,
      /^left: 0 operations, 0 bytes$/
    ]
  },
  "dns-responder": {
    program: dnsResponder.program,
    lines: [
      /^listening on 127\.0\.0\.1:\d+$/,
      /^www\.example\.test A: 192\.0\.2\.1, 192\.0\.2\.2$/,
      /^www\.example\.test AAAA: 2001:db8::1$/,
      /^about\.example\.test TXT: "answered by a completion port", "überall"$/,
      /^large\.example\.test TXT: too much for one datagram$/,
      /^nobody\.example\.test A: NxDomain$/,
      /^half a question: FormErr$/
    ]
  },
  "echo-server": {
    program: echoServer.program,
    anyOrder: true,
    lines: [
      /^listening on 127\.0\.0\.1:\d+$/,
      /^\+ 127\.0\.0\.1:\d+$/,
      /^the client read: Is anybody there\?$/,
      /^the client read: Ja, überall!$/,
      /^- 127\.0\.0\.1:\d+: 32 bytes$/,
      /^ended: 0 sockets open, 0 operations in flight$/
    ]
  },
  epoll: {
    program: epoll.program,
    platform: "linux",
    lines: [
      /^posted and waited: data 0xfedcba9876543210, 42 bytes$/,
      /^waited in vain: wait: not done within 50ms/,
      /^woken: WakeEvent$/,
      /^a batch: the data 1, 2, 3$/,
      /^handled: 4$/,
      /^handled: 5$/,
      /^processed 2 events$/,
      /^received before anything was sent: nothing$/,
      /^received under data 10: "a datagram"$/,
      /^it came from the sender$/
    ]
  },
  "file-server": {
    program: fileServer.program,
    lines: [
      /^listening on 127\.0\.0\.1:\d+$/,
      /^\/hello%20world\.txt: 200 OK, "Hello from the page cache!"$/,
      /^\/hello%20world\.txt, bytes=15-24: 206 Partial Content, "page cache"$/,
      /^\/hello%20world\.txt, bytes=100-: 416 Range Not Satisfiable$/,
      /^\/missing\.txt: 404 Not Found$/,
      /^\/\.\.\/\.\.\/etc\/passwd: 404 Not Found$/,
      /^\/%2e%2e\/secret: 404 Not Found$/,
      /^\/\.\.%5csecret: 404 Not Found$/,
      /^\/c:\/secret: 404 Not Found$/,
      /^\/: 404 Not Found$/
    ]
  },
  "flaky-server": {
    program: flakyServer.program,
    lines: [
      /^refused, then a black hole for two seconds, then a reset:$/,
      /^ {2}connect 10\.0\.0\.2:4000: connection refused \(ECONNREFUSED 111 from connect\)/,
      /^ {2}connect 10\.0\.0\.2:4000: not done within 1s/,
      /^ {2}connect 10\.0\.0\.2:4000: not done within 1s/,
      /^ {2}\w+.*: the peer reset the connection \(ECONNRESET 104 from recv\)/,
      /^the server said: welcome$/,
      /^100 seeds: the client came through every time$/
    ]
  },
  futures: {
    program: futures.program,
    lines: [
      /^asked: easy question$/,
      /^ {2}got: the answer to the easy question$/,
      /^asked: hard question$/,
      /^ {2}await: not done within 100ms/,
      /^the read goes on: awaited again/,
      /^ {2}got: the answer to the hard question$/,
      /^asked: last question$/,
      /^ {2}got: the answer to the last question$/
    ]
  },
  hello: {
    program: hello.program,
    lines: [
      /^server: listening on 127\.0\.0\.1:\d+$/,
      /^client: read "Hello from the completion port!"$/,
      /^client: then the end of the stream$/
    ]
  },
  "http-api": {
    program: httpApi.program,
    lines: [
      /^1: engine, by Ada$/,
      /^the same title again: TitleTaken$/,
      /^a stranger removes it: Unauthorized$/,
      /^notes of Ada's: 1$/,
      /^all: \{"id":1,"author":"Ada","title":"engine","text":"It weaves algebraical patterns\."\}$/,
      /^once it is removed: NoteNotFound$/
    ]
  },
  "redis-server": {
    program: redisServer.program,
    lines: [
      /^the client read: \+OK$/,
      /^the client read: \$13$/,
      /^the client read: Hello, Redis!$/,
      /^the client read: :1$/,
      /^the client read: \+OK$/
    ]
  },
  rpc: {
    program: rpc.program,
    lines: [
      /^Hello, whoever you are!$/,
      /^7 \/ 2 = 3\.5$/,
      /^7 \/ 0: nobody can divide by 0$/,
      /^counted: 1, 2, 3, 4, 5$/
    ]
  },
  "tcp-proxy": {
    program: tcpProxy.program,
    lines: [
      /^listening on 127\.0\.0\.1:\d+$/,
      /^listening on 127\.0\.0\.1:\d+$/,
      /^through the proxy: 1000000 bytes came$/,
      /^! connect 127\.0\.0\.1:\d+: connection refused/
    ]
  },
  "tls-chat": {
    program: tlsChat.program,
    anyOrder: true,
    lines: [
      /^Alice reads: Who are you\?$/,
      /^Alice reads: \* Alice is here$/,
      /^Bob reads: Who are you\?$/,
      /^Bob reads: \* Bob is here$/,
      /^Alice reads: \* Bob is here$/,
      /^Alice reads: Bob: Can anybody read this\?$/,
      /^Bob reads: Bob: Can anybody read this\?$/,
      /^Bob reads: Alice: Only we two\.$/,
      /^Alice reads: Alice: Only we two\.$/,
      /^Alice reads: \* Bob has left$/,
      /^Alice reads: \* the room closes$/
    ]
  },
  select: {
    program: select.program,
    lines: [
      /^Future\.select: the answer after 100 ms; 2 go on$/,
      /^Future\.select: the answer after 300 ms; 1 go on$/,
      /^Future\.select: the answer after 500 ms; 0 go on$/,
      /^Net\.select: 100 lines/,
      /^ {2}a counted to 100, and no line is missing$/,
      /^ {2}b counted to 100, and no line is missing$/
    ]
  },
  "worker-queue": {
    program: Effect.acquireUseRelease(
      // A thread runs what is compiled.
      Effect.promise(() => makeProgram(new URL("../../examples/support/primes.ts", import.meta.url))),
      ({ file }) => workerQueue.programWith(file),
      ({ dispose }) => Effect.sync(dispose)
    ),
    anyOrder: true,
    lines: [
      /^from 0 on: 2262 primes, the last 19997$/,
      /^from 20000 on: 1941 primes, the last 39989$/,
      /^from 40000 on: 1854 primes, the last 59999$/
    ]
  }
}

const matchLines = (lines: ReadonlyArray<string>, { anyOrder = false, lines: expected }: Expectation) => {
  const printed = [...lines]
  const missing = expected.filter((pattern) => {
    const at = anyOrder
      ? printed.findIndex((line) => pattern.test(line))
      : pattern.test(printed[0] ?? "")
        ? 0
        : -1
    if (at >= 0) printed.splice(at, 1)
    return at < 0
  })
  return { missing, unexpected: printed }
}

describe("the examples", () => {
  it("are all here", () => {
    const files = readdirSync(new URL("../../examples", import.meta.url)).filter((file) =>
      file.endsWith(".ts")
    )
    assert.deepStrictEqual(
      files.map((file) => file.slice(0, -".ts".length)).sort(),
      Object.keys(examples).sort()
    )
  })

  for (const [name, example] of Object.entries(examples)) {
    const isHere = example.platform === undefined || example.platform === process.platform
    it.runIf(isHere)(name, async () => {
      const { lines, logged } = await runCollecting(example.program)
      assert.deepStrictEqual(matchLines(lines, example), { missing: [], unexpected: [] })
      assert.deepStrictEqual(logged, [], "logged")
    })
  }
})
