/**
 * `@effect/platform`'s `Socket` over a connection, in the place of `NodeSocket`.
 *
 * Lifecycle of one `run`; a socket may be run again and again, and opens a connection of its own each time:
 *
 *     Idle --run--> Opening --opened--> Open --end of the stream--> run succeeds --> closed, Idle
 *                      |                 |--reset, ...------------> run fails with `Read`
 *                      |                 |--`CloseEvent` written--> run fails with `Close`
 *                      |                 +--the handler failed----> run fails with its failure
 *                      +--refused, too late--> run fails with `Open`
 *
 * A writer may be used at any time: it waits until the socket is open. The end of its scope half-closes the connection, but
 * for a pipe, which has no halves: there the peer learns of the end when the `run` is over.
 * A `run` can be interrupted wherever it is run, within an uninterruptible region too.
 *
 * It behaves as `NodeSocket` does, with one difference on purpose: the next receive waits until the handler has dealt with
 * the last one. So chunks are handled one after the other, and a peer that sends faster than they are handled is held up
 * rather than buffered. A handler that waits for what only a later chunk can bring would wait for ever: it forks.
 *
 * @since 0.1.0
 */
import * as Socket from "@effect/platform/Socket"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import type * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { SocketError, TimeoutError } from "../Errors/index.js"
import type { AnyConnection } from "../Net/Connection.js"
import { StreamConnection } from "../Net/internal/StreamConnection.js"
import type * as Net from "../Net/Net.js"
import { connectTo, type RemoteOptions, type RemotePathOptions } from "./internal/Place.js"

/**
 * The connection below the socket, for handlers that want more of it: addresses, options.
 *
 * @since 0.1.0
 * @category tags
 */
export class NetConnection extends Context.Tag("effect-iocp/Platform/NetConnection")<
  NetConnection,
  AnyConnection
>() {}

/**
 * @since 0.1.0
 * @category options
 */
export interface OpenOptions {
  /** How long opening may take; `run` then fails with the reason `Open`. No limit if absent. */
  readonly openTimeout?: Duration.DurationInput | undefined
}

/**
 * Where to: a host and a port, or a path.
 *
 * @since 0.1.0
 * @category options
 */
export type NetOptions = OpenOptions & (RemoteOptions | RemotePathOptions)

/** A normal closure, and a broken one, as WebSocket numbers them (RFC 6455, 7.4.1). */
const NORMAL_CLOSURE = 1000

const encoder = new TextEncoder()

/** For how long what was written may still leave after the end of a `run`. */
const LAST_WRITES = "5 seconds"

/** One opened connection, while `run` runs. */
class Opened {
  readonly connection: AnyConnection
  private isEnded = false
  /** What was written last, if it was that the connection be closed. */
  closing: Socket.CloseEvent | undefined

  constructor(connection: AnyConnection) {
    this.connection = connection
  }

  /** The failure of a read in the words of `Socket`. */
  readonly readError = (cause: SocketError): Socket.SocketError => {
    if (this.closing !== undefined && this.closing.code > NORMAL_CLOSURE) {
      return new Socket.SocketGenericError({
        reason: "Read",
        cause: new Error(`closed with code ${this.closing.code}`, { cause })
      })
    }
    return cause.reason === "Closed"
      ? new Socket.SocketCloseError({ reason: "Close", code: NORMAL_CLOSURE })
      : new Socket.SocketGenericError({ reason: "Read", cause })
  }

  send(chunk: Uint8Array | string | Socket.CloseEvent): Effect.Effect<void, Socket.SocketError> {
    if (Socket.isCloseEvent(chunk)) {
      this.closing ??= chunk
      return this.connection.close
    }
    const bytes = typeof chunk === "string" ? encoder.encode(chunk) : chunk
    // Within a step of the fiber: see `write`.
    const left =
      this.connection instanceof StreamConnection
        ? this.connection.unsafeWriteAll(bytes)
        : this.connection.writeAll(bytes)
    return left === Effect.void ? Effect.void : Effect.catchAllCause(left, writeFailed)
  }

  /** Whether other fibers are writing. */
  private get isWriting(): boolean {
    return this.connection instanceof StreamConnection && this.connection.raw.writing.isBusy
  }

  /** Half-closes, once what was written has left. Nobody is held up by a peer that does not read it. */
  get end(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.isEnded) return Effect.void
      this.isEnded = true
      // If the connection is gone there is nothing left to end.
      const ending = Effect.ignore(this.connection.shutdown("write"))
      return this.isWriting ? Effect.asVoid(Effect.forkDaemon(ending)) : ending
    })
  }

  /** Lets out what other fibers are writing, within a bound. */
  get flushed(): Effect.Effect<void> {
    return Effect.suspend(() =>
      this.isWriting
        ? Effect.ignore(this.connection.shutdown("write", { timeout: LAST_WRITES }))
        : Effect.void
    )
  }
}

/** By causes, here and in `receive`: that is one step of the fiber, and `mapError` is two. */
const writeFailed = (
  failure: Cause.Cause<SocketError | TimeoutError>
): Effect.Effect<never, Socket.SocketError> =>
  Effect.failCause(Cause.map(failure, (cause) => new Socket.SocketGenericError({ reason: "Write", cause })))

const openError = (cause: unknown): Socket.SocketError =>
  new Socket.SocketGenericError({ reason: "Open", cause })

/** What a handler may answer with. A plain function is one, too. */
// biome-ignore lint/suspicious/noConfusingVoidType: as in the interface of @effect/platform
type Handled<A, E, R> = Effect.Effect<A, E, R> | void

/** Hands every chunk to the handler, until the stream ends. The steps are made once, and not for each chunk. */
const receive = <A, E, R>(
  opened: Opened,
  handler: (bytes: Uint8Array) => Handled<A, E, R>
): Effect.Effect<void, Socket.SocketError | E, R> => {
  const next = (): Effect.Effect<void, Socket.SocketError | E, R> => step
  const step: Effect.Effect<void, Socket.SocketError | E, R> = Effect.matchCauseEffect(
    opened.connection.read,
    {
      onFailure: (cause) => Effect.failCause(Cause.map(cause, opened.readError)),
      onSuccess: (bytes) => {
        if (bytes.length === 0) return Effect.void
        const handled = handler(bytes)
        return Effect.isEffect(handled) ? Effect.flatMap(handled, next) : step
      }
    }
  )
  return step
}

/**
 * A socket over the connection that `open` gives, each time the socket is run. `open` closes it with its scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromConnection = <RO>(
  open: Effect.Effect<AnyConnection, Socket.SocketError, RO>,
  options: OpenOptions = {}
): Effect.Effect<Socket.Socket, never, Exclude<RO, Scope.Scope>> =>
  Effect.map(Effect.context<Exclude<RO, Scope.Scope>>(), (context) =>
    make((scope) => Effect.mapInputContext(Scope.extend(open, scope), () => context), options)
  )

type Open = (scope: Scope.Scope) => Effect.Effect<AnyConnection, Socket.SocketError>

const make = (open: Open, { openTimeout }: OpenOptions): Socket.Socket => {
  const latch = Effect.unsafeMakeLatch(false)
  let current: Opened | undefined

  const run = <A, E = never, R = never>(
    handler: (bytes: Uint8Array) => Handled<A, E, R>,
    { onOpen }: { readonly onOpen?: Effect.Effect<void> | undefined } = {}
  ): Effect.Effect<void, Socket.SocketError | E, R> =>
    Effect.scopedWith((scope) =>
      Effect.flatMap(bounded(open(scope), openTimeout), (connection) => {
        const opened = new Opened(connection)
        current = opened
        const begun = onOpen === undefined ? latch.open : Effect.zipRight(latch.open, onOpen)
        return Effect.zipRight(begun, receive(opened, handler)).pipe(
          Effect.provideService(NetConnection, connection),
          Effect.ensuring(
            Effect.suspend(() => {
              latch.unsafeClose()
              current = undefined
              return opened.flushed
            })
          )
        )
      })
    ).pipe(Effect.interruptible)

  const write = (chunk: Uint8Array | string | Socket.CloseEvent): Effect.Effect<void, Socket.SocketError> =>
    Effect.suspend(() => (current === undefined ? latch.whenOpen(write(chunk)) : current.send(chunk)))

  const writer = Effect.acquireRelease(Effect.succeed(write), () =>
    Effect.suspend(() => current?.end ?? Effect.void)
  )
  return { [Socket.TypeId]: Socket.TypeId, run, runRaw: run, writer }
}

const bounded = (
  opening: Effect.Effect<AnyConnection, Socket.SocketError>,
  openTimeout: Duration.DurationInput | undefined
): Effect.Effect<AnyConnection, Socket.SocketError> =>
  openTimeout === undefined
    ? opening
    : Effect.timeoutFail(opening, {
        duration: openTimeout,
        onTimeout: () => openError(new Error("Connection timed out"))
      })

/**
 * A client socket: every `run` connects anew. What fails there is its `cause`, typed as it is in `Errors`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeNet = (options: NetOptions): Effect.Effect<Socket.Socket, never, Net.Net> =>
  fromConnection(Effect.mapError(connectTo({ ...options, timeout: options.openTimeout }), openError))

/**
 * The socket as a channel: what is written to it leaves, and what arrives comes out.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeNetChannel = <IE = never>(
  options: NetOptions
): Channel.Channel<
  Chunk.Chunk<Uint8Array>,
  Chunk.Chunk<Uint8Array | string | Socket.CloseEvent>,
  Socket.SocketError | IE,
  IE,
  void,
  unknown,
  Net.Net
> => Channel.unwrap(Effect.map(makeNet(options), Socket.toChannelWith<IE>()))

/**
 * The `Socket` service: a client of this host and port, or of this path.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNet = (options: NetOptions): Layer.Layer<Socket.Socket, never, Net.Net> =>
  Layer.effect(Socket.Socket, makeNet(options))

/**
 * A socket over a connection that is there already, as a server has it: running it a second time fails with `Close`.
 *
 * @internal
 */
export const overConnection = (connection: AnyConnection): Socket.Socket =>
  make((scope) => Effect.as(Scope.addFinalizer(scope, connection.close), connection), {})
