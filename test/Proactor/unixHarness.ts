/**
 * Unix sockets for the tests of proactors.
 */
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { type UnixAddress, unsafeMakeUnix } from "../../src/Address/index.js"
import { ConnectOperation } from "../../src/Proactor/Operation.js"
import type { ProactorService } from "../../src/Proactor/Proactor.js"
import { temporaryFolder } from "../support/folder.js"
import { accept, closing, type MakePair, perform } from "./harness.js"

/** A path at which nothing is. */
export const freePath = Effect.map(temporaryFolder, (folder) => unsafeMakeUnix(join(folder, "s")))

export const openUnix = (proactor: ProactorService) => Effect.acquireRelease(proactor.openUnix, closing)

export const listenUnix = (proactor: ProactorService, address: UnixAddress, backlog = 128) =>
  Effect.gen(function* () {
    const socket = yield* openUnix(proactor)
    yield* socket.bind(address)
    yield* socket.listen(backlog)
    return socket
  })

export const connectUnix = (proactor: ProactorService, address: UnixAddress) =>
  Effect.tap(openUnix(proactor), (socket) => perform(socket, new ConnectOperation(address)))

/** A listener at a path and one connection to it. */
export const unixPair = (proactor: ProactorService) =>
  Effect.gen(function* () {
    const address = yield* freePath
    const listener = yield* listenUnix(proactor, address)
    const client = yield* connectUnix(proactor, address)
    const { remoteAddress, socket: server } = yield* accept(listener)
    return { address, listener, client, server, remoteAddress }
  })

/** The same, for those who want no more than its ends. */
export const unixEnds: MakePair = unixPair
