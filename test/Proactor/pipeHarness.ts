/**
 * Named pipes for the tests of proactors.
 */
import * as Effect from "effect/Effect"
import { type PipeAddress, unsafeMakePipe } from "../../src/Address/index.js"
import type { SocketError } from "../../src/Errors/index.js"
import {
  type PipeListenOptions,
  type ProactorMessagePipe,
  type ProactorPipe,
  type ProactorPipes,
  ReceiveMessageOperation,
  SendMessageOperation
} from "../../src/Proactor/NamedPipe.js"
import { AcceptOperation } from "../../src/Proactor/Operation.js"
import type { ProactorHandle, ProactorService } from "../../src/Proactor/Proactor.js"
import { freeName } from "../support/pipes.js"
import { attempt, closing, perform } from "./harness.js"

export const freeAddress = (): PipeAddress => unsafeMakePipe(freeName())

export const optionsFor = (
  address: PipeAddress,
  more: Partial<PipeListenOptions> = {}
): PipeListenOptions => ({
  address,
  maxInstances: undefined,
  allowRemote: false,
  securityDescriptor: undefined,
  bufferBytes: 65_536,
  ...more
})

/** Uses the pipes of a proactor that has them. */
const withPipes = <A, E, R>(
  proactor: ProactorService,
  use: (pipes: ProactorPipes) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | SocketError, R> => Effect.flatMap(proactor.pipes, use)

export const listenPipe = (proactor: ProactorService, options: PipeListenOptions) =>
  Effect.acquireRelease(
    withPipes(proactor, (pipes) => pipes.listen(options)),
    closing
  )

export const connectPipe = (proactor: ProactorService, address: PipeAddress) =>
  Effect.acquireRelease(
    withPipes(proactor, (pipes) => pipes.connect(address)),
    closing
  )

export const acceptOperation = () => new AcceptOperation<PipeAddress, ProactorPipe>()

/** The connection of an accept that went well. */
export const acceptedPipe = <S extends ProactorHandle<never>>({
  accepted,
  failure
}: AcceptOperation<PipeAddress, S>) =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      if (accepted !== undefined) return Effect.succeed(accepted)
      return failure === undefined ? Effect.die("it was neither accepted nor refused") : Effect.fail(failure)
    }),
    closing
  )

export const acceptPipe = (listener: ProactorHandle<AcceptOperation<PipeAddress, ProactorPipe>>) =>
  Effect.flatMap(attempt(listener, acceptOperation()), acceptedPipe)

/** A listener and one connection to it. */
export const pipePair = (proactor: ProactorService, more: Partial<PipeListenOptions> = {}) =>
  Effect.gen(function* () {
    const address = freeAddress()
    const listener = yield* listenPipe(proactor, optionsFor(address, more))
    const client = yield* connectPipe(proactor, address)
    return { address, listener, client, server: yield* acceptPipe(listener) }
  })

/** The same in message mode. */
export const messagePair = (proactor: ProactorService) =>
  Effect.gen(function* () {
    const address = freeAddress()
    const listener = yield* Effect.acquireRelease(
      withPipes(proactor, (pipes) => pipes.listenForMessages(optionsFor(address))),
      closing
    )
    const client = yield* Effect.acquireRelease(
      withPipes(proactor, (pipes) => pipes.connectForMessages(address)),
      closing
    )
    const accepting = yield* attempt(listener, new AcceptOperation<PipeAddress, ProactorMessagePipe>())
    return { address, listener, client, server: yield* acceptedPipe(accepting) }
  })

export const sendMessage = (pipe: ProactorMessagePipe, message: Uint8Array) => {
  const operation = new SendMessageOperation()
  operation.message = message
  operation.byteLength = message.length
  return perform(pipe, operation)
}

export const receivePart = (pipe: ProactorMessagePipe) => perform(pipe, new ReceiveMessageOperation())
