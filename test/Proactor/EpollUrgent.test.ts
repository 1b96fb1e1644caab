import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { encodeSockaddr, type SocketAddress } from "../../src/Address/index.js"
import { libc } from "../../src/Epoll/Libc.js"
import * as EpollProactor from "../../src/Proactor/Epoll/EpollProactor.js"
import { type Accepted, accept, bytes, listen, receive, receiveOperation, start, text } from "./harness.js"

/*
 * The system cuts a receive short at the mark of urgent data, although more is there. Whoever takes a short receive
 * for a socket that is empty waits for ever then.
 */

const SOCK_STREAM = 1
const MSG_OOB = 1

/** A socket without manners: it blocks, and can send urgent data. */
const rawClient = (address: SocketAddress) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const fd = libc().socket(2, SOCK_STREAM, 0)
      const name = encodeSockaddr(address, "linux")
      assert.strictEqual(libc().connect(fd, name, name.length), 0)
      return fd
    }),
    (fd) => Effect.sync(() => libc().close(fd))
  )

const send = (fd: number, message: string, flags = 0) =>
  Effect.sync(() =>
    assert.strictEqual(libc().send(fd, bytes(message), message.length, flags), message.length)
  )

const conversation = Effect.gen(function* () {
  const proactor = yield* EpollProactor.make
  const listener = yield* listen(proactor)
  const fd = yield* rawClient(listener.address)
  const { socket }: Accepted = yield* accept(listener.socket)
  return { fd, socket }
})

/** Receives until so many bytes are there, the urgent ones not counted. */
const receiveText = (socket: Accepted["socket"], length: number) =>
  Effect.gen(function* () {
    let received = ""
    while (received.length < length) received += text(yield* receive(socket))
    return received
  }).pipe(Effect.timeout("5 seconds"))

describe.skipIf(process.platform !== "linux")("urgent data on epoll", () => {
  it.scopedLive("that was there before the first receive", () =>
    Effect.gen(function* () {
      const { fd, socket } = yield* conversation
      yield* send(fd, "abc")
      yield* send(fd, "!", MSG_OOB)
      yield* send(fd, "def")
      assert.strictEqual(yield* receiveText(socket, 6), "abcdef")
    })
  )

  it.scopedLive("that comes while a receive waits", () =>
    Effect.gen(function* () {
      const { fd, socket } = yield* conversation
      yield* send(fd, "0")
      assert.strictEqual(yield* receiveText(socket, 1), "0")
      const waiting = start(socket, receiveOperation())
      yield* send(fd, "abc")
      yield* send(fd, "!", MSG_OOB)
      yield* send(fd, "def")
      const first = text((yield* waiting.retired).takeChunk())
      assert.strictEqual(first + (yield* receiveText(socket, 6 - first.length)), "abcdef")
    })
  )
})
