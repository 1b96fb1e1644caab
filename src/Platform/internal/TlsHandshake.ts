/**
 * The handshake: from a connection to a TLS connection, or to a typed error.
 *
 *     Begun --Node says that it is secure, and the peer is accepted--> Established: the scope has the TLS connection
 *       |
 *       +--TLS fails, the peer goes away, the limit passes, interrupted--> the connection beneath is closed --> failed
 *
 * There is no way back to plain text: after a handshake that failed nobody knows where the stream stands, and so the
 * connection is closed.
 *
 * Both sides are Node's, `tls.connect` and `tls.Server`, which report by events. The first event settles it.
 *
 * @since 0.1.0
 */
import type { TLSSocket } from "node:tls"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { Endpoint } from "../../Address/index.js"
import {
  ConnectionError,
  closed,
  fromTls,
  invalidArgument,
  type SocketError,
  type TimeoutError,
  type TlsError,
  type TlsSide
} from "../../Errors/index.js"
import { tlsCodeOf } from "../../Errors/TlsTable.js"
import type { AnyConnection, Connection } from "../../Net/Connection.js"
import { Deadline, timedOut } from "../../Net/internal/Deadline.js"
import { StreamConnection } from "../../Net/internal/StreamConnection.js"
import { destroyed, type NodeDuplex, unsafeMake } from "../NodeDuplex.js"
import type { ClientOptions } from "../Tls.js"
import { fromNodeError } from "./NodeErrors.js"
import type { TlsAcceptor } from "./TlsAcceptor.js"
import { type Layers, Sessions, TlsStreamConnection } from "./TlsConnection.js"
import { badOptions, startClient } from "./TlsOptions.js"

/** @internal */
export type HandshakeError = TlsError | SocketError | TimeoutError

/**
 * How a handshake ends. The first call counts.
 *
 * @internal
 */
export interface Verdict {
  /** It is over, and the peer accepted. To be called in the step in which that is known. */
  readonly secure: (stream: TLSSocket, sessions?: Sessions) => void
  /** It failed with this error of Node's. */
  readonly failed: (error: unknown) => void
}

/**
 * One side of a handshake.
 *
 * @internal
 */
export interface Handshake {
  readonly side: TlsSide
  readonly limit: Duration.Duration
  readonly ignoreUnexpectedEof: boolean
  /** May throw, if the options are no good. */
  readonly begin: (wire: NodeDuplex, verdict: Verdict) => void
}

const OPERATION = "handshake"

/** Why a handshake failed. If the connection beneath did, that is the reason, whatever TLS makes of it. */
const failureOf = (
  error: unknown,
  wire: NodeDuplex,
  side: TlsSide,
  address: string
): TlsError | SocketError => {
  const cause = wire.errored ?? error
  const call = { operation: OPERATION, address, side }
  if (tlsCodeOf(cause) !== undefined) return fromTls(cause, call)
  const failure = fromNodeError(cause, { operation: OPERATION, address })
  if (failure.reason === "Unknown") return fromTls(cause, call)
  if (failure.reason !== "Reset" || wire.errored !== null) return failure
  // The wire ended, or was closed here: Node says `ECONNRESET` to both.
  return wire.readableEnded ? wentAway(cause, address) : closed(OPERATION, address)
}

const wentAway = (cause: unknown, address: string): SocketError =>
  new ConnectionError({
    reason: "Reset",
    operation: OPERATION,
    address,
    advice: "The peer ended the connection in the middle of the TLS handshake.",
    cause
  })

const hungUp = (): Error => Object.assign(new Error("the connection ended"), { code: "ECONNRESET" })

/**
 * Runs the handshake to its verdict, or until the deadline passes: a wait of this fiber and no race, which would not end
 * where it cannot be interrupted. `established` is called in the step in which it is over.
 */
const shake = <A extends Endpoint, B>(
  beneath: StreamConnection<A>,
  wire: NodeDuplex,
  { begin, ignoreUnexpectedEof, side }: Handshake,
  established: (layers: Layers<A>) => B,
  deadline: Deadline | undefined
): Effect.Effect<B, HandshakeError> =>
  Effect.async((resume) => {
    let isSettled = false
    const settle = (outcome: Effect.Effect<B, HandshakeError>) => {
      isSettled = true
      resume(outcome)
    }
    deadline?.onExpire(() => {
      if (!isSettled) settle(Effect.fail(timedOut(OPERATION, deadline.duration, beneath.peer)))
    })
    const verdict: Verdict = {
      secure: (stream, sessions) => {
        if (isSettled) return
        const layers = { beneath, wire, stream, side, sessions, ignoreUnexpectedEof }
        settle(Effect.succeed(established(layers)))
      },
      failed: (error) => {
        if (!isSettled) settle(Effect.fail(failureOf(error, wire, side, beneath.peer)))
      }
    }
    try {
      begin(wire, verdict)
    } catch (cause) {
      settle(Effect.fail(badOptions(cause, OPERATION, beneath.peer)))
    }
    // A server's stream does not close by itself when the wire ends: both halves are the program's to end.
    wire.once("end", () => verdict.failed(hungUp()))
    return Effect.sync(() => {
      isSettled = true
    })
  })

/** What a handshake leads to, or the connection is closed. */
const shaken = <A extends Endpoint, B>(
  connection: Connection<A>,
  options: Handshake,
  established: (layers: Layers<A>) => B,
  restore: <C, E>(effect: Effect.Effect<C, E>) => Effect.Effect<C, E>
): Effect.Effect<B, HandshakeError> => {
  if (!(connection instanceof StreamConnection)) {
    return Effect.fail(invalidArgument(OPERATION, "the connection is none of Net's"))
  }
  return Effect.gen(function* () {
    const local = yield* connection.localAddress
    const wire = unsafeMake(connection, local, yield* Effect.runtime<never>(), { allowHalfOpen: true })
    // TLS listens to its errors too; but one that comes when it does not any more would end the process.
    wire.on("error", () => {})
    const deadline = yield* Deadline.start(options.limit)
    const secured = restore(shake(connection, wire, options, established, deadline))
    return yield* Effect.onExit(secured, (exit) => {
      deadline?.cancel()
      return Exit.isSuccess(exit) ? Effect.void : destroyed(wire)
    })
  })
}

/**
 * Makes a TLS connection of a connection, for the scope. The connection beneath is TLS's from here on, and is closed with
 * it, or when the handshake fails.
 *
 * @internal
 */
export const handshake = <A extends Endpoint>(
  connection: Connection<A>,
  options: Handshake
): Effect.Effect<TlsStreamConnection<A>, HandshakeError, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.scope, (scope) =>
      Effect.map(
        shaken(connection, options, (layers) => TlsStreamConnection.established(layers), restore),
        (tls) => tls.adoptInto(scope)
      )
    )
  )

/**
 * Like `handshake`, for who wants Node's stream itself, which the end of the scope destroys. `secured` gets it in the step
 * in which the handshake is over: from the next one on bytes may come, and they come only once.
 *
 * @internal
 */
export const handshakeOfStream = (
  connection: AnyConnection,
  options: Handshake,
  secured: (layers: Layers) => void
): Effect.Effect<TLSSocket, HandshakeError, Scope.Scope> => {
  const established = (layers: Layers) => {
    secured(layers)
    return layers
  }
  return Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(shaken(connection, options, established, restore), ({ stream, wire }) =>
      Effect.as(
        Effect.addFinalizer(() => Effect.zipRight(destroyed(stream), destroyed(wire))),
        stream
      )
    )
  )
}

/**
 * The client's side, with a server that has to be `host`.
 *
 * @internal
 */
export const clientSide = (options: ClientOptions, host: string, limit: Duration.Duration): Handshake => ({
  side: "client",
  limit,
  ignoreUnexpectedEof: options.ignoreUnexpectedEof ?? false,
  begin: (wire, { failed, secure }) => {
    const stream = startClient(wire, options, host)
    // A session may come before the handshake is over.
    const sessions = new Sessions(stream, options.session)
    stream.once("error", failed)
    stream.once("close", () => failed(hungUp()))
    stream.once("secureConnect", () => secure(stream, sessions))
  }
})

/**
 * The server's side.
 *
 * @internal
 */
export const serverSide = (
  acceptor: TlsAcceptor,
  limit: Duration.Duration,
  ignoreUnexpectedEof: boolean
): Handshake => ({
  side: "server",
  limit,
  ignoreUnexpectedEof,
  begin: (wire, verdict) => acceptor.accept(wire, verdict)
})
