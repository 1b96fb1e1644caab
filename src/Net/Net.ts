/**
 * The network service: listeners and connections over a proactor.
 *
 * `Net.layer` is the service on this platform: over I/O completion ports on Windows, over epoll on Linux. A program
 * says what it wants of the network with the functions of this module, and is given the service once, at its edge.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { SocketAddress } from "../Address/index.js"
import { invalidArgument, type SocketError, type TimeoutError, withDetails } from "../Errors/index.js"
import * as Platform from "../Proactor/index.js"
import { Proactor, type ProactorService, type ProactorStatistics } from "../Proactor/Proactor.js"
import type { StreamSocketOptions } from "../Proactor/SocketOption.js"
import type { Connection, TimeoutOptions } from "./Connection.js"
import { adviceOnBacklog, DEFAULT_BACKLOG } from "./internal/Backlog.js"
import { ended, holdsBefore } from "./internal/Condition.js"
import { type Deadline, timedOut, within } from "./internal/Deadline.js"
import { ATTEMPT_DELAY, connectAny, LEAST_ATTEMPT_DELAY } from "./internal/HappyEyeballs.js"
import { type Prepare, prepared, streamOptions } from "./internal/OptionsAtStart.js"
import { StreamConnection } from "./internal/StreamConnection.js"
import { type Listener, StreamListener } from "./Listener.js"
import { Resolver, type ResolverService } from "./Resolver.js"

export type { SocketOptionName, SocketOptions, StreamSocketOptions } from "../Proactor/SocketOption.js"

/**
 * @since 0.1.0
 * @category options
 */
export interface ListenOptions {
  /** An IP address of this host, or a name for one; `0.0.0.0` or `::` for all of them. */
  readonly host: string
  /** 0 to 65535; 0 lets the system choose, and `listener.address` tells. */
  readonly port: number
  /** How many connections may wait to be accepted. 511 if absent; the system has a limit of its own. */
  readonly backlog?: number | undefined
  /**
   * Whether other listeners that say so too may listen at the same address and port: each connection goes to one of them
   * (`SO_REUSEPORT`). Elsewhere than on Linux, `Unsupported`.
   */
  readonly reusePort?: boolean | undefined
  /** Of `::`: whether to leave IPv4 to others. If not, it is served as well (`IPV6_V6ONLY`). */
  readonly v6Only?: boolean | undefined
  /**
   * What the listening socket has before it is bound (`setsockopt`), and every connection that it accepts has from its first
   * moment. One that is refused fails `listen`, and the failure's `advice` names it.
   */
  readonly socketOptions?: StreamSocketOptions | undefined
}

/**
 * @since 0.1.0
 * @category options
 */
export interface ConnectOptions extends TimeoutOptions {
  /** An IP address or a name. All addresses of a name are tried (RFC 8305), and the first that answers is taken. */
  readonly host: string
  /** 1 to 65535. */
  readonly port: number
  /**
   * How long the attempt at one address of a name has a head start before the next is made as well, unless it fails
   * earlier: then 10 ms, which loopback addresses need not wait. 250 ms if absent, 10 ms at least (RFC 8305, section 8). No
   * attempt is given up for being slow.
   */
  readonly attemptDelay?: Duration.DurationInput | undefined
  /**
   * What the socket of each attempt has before it connects (`setsockopt`). One that is refused fails `connect`, whatever
   * addresses are left to try, and the failure's `advice` names it.
   */
  readonly socketOptions?: StreamSocketOptions | undefined
}

/**
 * What the network service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface NetService {
  readonly listen: (options: ListenOptions) => Effect.Effect<Listener, SocketError, Scope.Scope>
  readonly connect: (
    options: ConnectOptions
  ) => Effect.Effect<Connection, SocketError | TimeoutError, Scope.Scope>
  /** What the proactor below has done so far, and what it holds now: for diagnostics and tests. */
  readonly statistics: Effect.Effect<ProactorStatistics>
  /** What the service stands on, for the modules of further transports (`Udp`, `Unix`, ...). */
  readonly proactor: ProactorService
  readonly resolver: ResolverService
}

/**
 * The network service.
 *
 * @since 0.1.0
 * @category tags
 */
export class Net extends Context.Tag("effect-iocp/Net")<Net, NetService>() {}

class NetOverProactor implements NetService {
  readonly proactor: ProactorService
  readonly resolver: ResolverService

  constructor(proactor: ProactorService, resolver: ResolverService) {
    this.proactor = proactor
    this.resolver = resolver
  }

  get statistics(): Effect.Effect<ProactorStatistics> {
    return this.proactor.statistics
  }

  listen(options: ListenOptions): Effect.Effect<Listener, SocketError, Scope.Scope> {
    const { backlog = DEFAULT_BACKLOG, host, port } = options
    const advice = adviceOnBacklog(backlog)
    if (advice !== undefined) return Effect.fail(invalidArgument("listen", advice))
    const listener = Effect.flatMap(streamOptions("listen", options.socketOptions), (prepare) =>
      Effect.flatMap(this.resolver.resolve(host, port), ([address]) =>
        Effect.acquireRelease(
          this.openListener(address, backlog, prepare, options),
          (listener) => listener.close
        )
      )
    )
    return Effect.mapError(listener, (failure) => withDetails(failure, { operation: "listen" }))
  }

  connect(options: ConnectOptions): Effect.Effect<Connection, SocketError | TimeoutError, Scope.Scope> {
    return Effect.flatMap(streamOptions("connect", options.socketOptions), (prepare) =>
      within(options.timeout, (deadline) => this.connectBefore(options, prepare, deadline))
    )
  }

  private openListener(
    address: SocketAddress,
    backlog: number,
    prepare: Prepare | undefined,
    { reusePort = false, v6Only = false }: ListenOptions
  ): Effect.Effect<StreamListener, SocketError> {
    return Effect.flatMap(prepared(this.proactor.openTcp(address.family), prepare), (socket) =>
      Effect.when(socket.setOption("reusePort", true), () => reusePort).pipe(
        Effect.zipRight(Effect.when(socket.setOption("v6Only", true), () => v6Only)),
        Effect.zipRight(socket.bind(address)),
        Effect.zipRight(socket.listen(backlog)),
        Effect.zipRight(socket.localAddress),
        Effect.map((bound) => new StreamListener(socket, bound)),
        Effect.onError(() => Effect.sync(() => socket.close()))
      )
    )
  }

  private connectBefore(
    { attemptDelay = ATTEMPT_DELAY, host, port }: ConnectOptions,
    prepare: Prepare | undefined,
    deadline: Deadline | undefined
  ): Effect.Effect<Connection, SocketError | TimeoutError, Scope.Scope> {
    const delay = Option.getOrUndefined(Duration.decodeUnknown(attemptDelay))
    if (delay === undefined || Duration.lessThan(delay, LEAST_ATTEMPT_DELAY)) {
      return Effect.fail(invalidArgument("connect", "attemptDelay is 10 milliseconds or more"))
    }
    if (port === 0)
      return Effect.fail(invalidArgument("connect", "port 0 is no one's: connect to 1 to 65535"))
    const resolved = Effect.mapError(this.resolver.resolve(host, port), (failure) =>
      withDetails(failure, { operation: "connect" })
    )
    return Effect.flatMap(beforeDeadline(resolved, deadline, `${host}:${port}`), (addresses) =>
      Effect.flatMap(Effect.scope, (scope) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.map(
            connectAny(this.proactor, addresses, prepare, delay, deadline, restore),
            ({ address, socket }) => new StreamConnection(socket, address).adoptInto(scope)
          )
        )
      )
    )
  }
}

/**
 * The service over a proactor and a resolver, without layers.
 *
 * @internal
 */
export const overProactor = (proactor: ProactorService, resolver: ResolverService): NetService =>
  new NetOverProactor(proactor, resolver)

/** Name resolution cannot be cancelled; its answer can be dropped. */
const beforeDeadline = <A, E>(
  effect: Effect.Effect<A, E>,
  deadline: Deadline | undefined,
  address: string
): Effect.Effect<A, E | TimeoutError> => {
  if (deadline === undefined) return effect
  return Effect.acquireUseRelease(
    // Interruptible in any case: who connects where it cannot be interrupted has a deadline too.
    Effect.forkDaemon(Effect.interruptible(effect)),
    (fiber) =>
      Effect.flatMap(
        holdsBefore(ended(fiber), deadline),
        (isOver): Effect.Effect<A, E | TimeoutError> =>
          isOver ? Fiber.join(fiber) : Effect.fail(timedOut("connect", deadline.duration, address))
      ),
    (fiber) => Fiber.interrupt(fiber)
  )
}

/**
 * Listens for TCP connections (`socket`, `bind`, `listen`). The listener is closed with the scope.
 *
 * Fails with `ConnectionError` (`AddressInUse`, `AddressNotAvailable`) or `NetworkError` (`InvalidArgument`,
 * `PermissionDenied`, `HostNotFound`, ...).
 *
 * @since 0.1.0
 * @category operations
 */
export const listen = (options: ListenOptions): Effect.Effect<Listener, SocketError, Net | Scope.Scope> =>
  Effect.flatMap(Net, (net) => net.listen(options))

/**
 * Connects to a host by name or address (`getaddrinfo`, `connect` or `ConnectEx`). The connection is closed with the
 * scope. Of the addresses of a name, the versions of IP by turns, the first that answers is taken (RFC 8305). The timeout
 * covers everything, from finding the addresses on.
 *
 * Fails with `ConnectionError` (`Refused`, `Unreachable`, `TimedOut`, ...), `NetworkError` (`InvalidArgument`,
 * `HostNotFound`, ...) or `TimeoutError`.
 *
 * @since 0.1.0
 * @category operations
 */
export const connect = (
  options: ConnectOptions
): Effect.Effect<Connection, SocketError | TimeoutError, Net | Scope.Scope> =>
  Effect.flatMap(Net, (net) => net.connect(options))

/**
 * What the proactor below has done so far, and what it holds now.
 *
 * @since 0.1.0
 * @category operations
 */
export const statistics: Effect.Effect<ProactorStatistics, never, Net> = Effect.flatMap(
  Net,
  (net) => net.statistics
)

/**
 * The service over a given proactor and resolver.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerProactor: Layer.Layer<Net, never, Proactor | Resolver> = Layer.effect(
  Net,
  Effect.zipWith(Proactor, Resolver, (proactor, resolver) => new NetOverProactor(proactor, resolver))
)

const over = (proactor: Layer.Layer<Proactor, SocketError>): Layer.Layer<Net, SocketError> =>
  Layer.provide(layerProactor, Layer.provideMerge(Resolver.layerProactor, proactor))

/**
 * The service over epoll. Elsewhere than on Linux, building it fails with `NetworkError` `Unsupported`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerEpoll: Layer.Layer<Net, SocketError> = over(Platform.layerEpoll)

/**
 * The service over I/O completion ports. Elsewhere than on Windows, building it fails with `NetworkError`
 * `Unsupported`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerIocp: Layer.Layer<Net, SocketError> = over(Platform.layerIocp)

/**
 * The service on this platform: over I/O completion ports on Windows, over epoll on Linux. On any other, building it
 * fails with `NetworkError` `Unsupported`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Net, SocketError> = over(Platform.layer)
