/**
 * Two connected sockets, made by `acceptEx` and `connectEx`.
 */
import * as Effect from "effect/Effect"
import * as Iocp from "../../src/Iocp/index.js"
import { loopback, succeeded } from "./windows.js"

/** The client's packets come under the key 1, the server's under 2. */
export const connectedPair = (port: Iocp.CompletionPort) =>
  Effect.gen(function* () {
    const [client, server] = [yield* Iocp.createTcpSocket(), yield* Iocp.createTcpSocket()]
    yield* Iocp.associateSocket(port, client, 1)
    yield* Iocp.associateSocket(port, server, 2)
    const addresses = yield* Effect.scoped(
      Effect.gen(function* () {
        const listener = yield* Iocp.createTcpSocket()
        yield* Iocp.associateSocket(port, listener, 3)
        yield* Iocp.bind(listener, loopback())
        yield* Iocp.listen(listener)
        yield* Iocp.bind(client, loopback())
        const [accepting, connecting] = [yield* Iocp.makeOverlapped, yield* Iocp.makeOverlapped]
        yield* Iocp.acceptEx(listener, server, accepting)
        yield* Iocp.connectEx(client, connecting, yield* Iocp.localAddress(listener))
        for (const _ of [accepting, connecting]) yield* succeeded(port)
        yield* Iocp.updateAcceptContext(server, listener)
        yield* Iocp.updateConnectContext(client)
        return yield* Iocp.acceptedAddresses(accepting)
      })
    )
    return { client, server, clientAddress: addresses.remote, serverAddress: addresses.local }
  })
