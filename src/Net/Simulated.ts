/**
 * A network in memory, to test programs on and to break on purpose.
 *
 * `layerSimulated` gives a program the same `Net` as the real layers do. Everything is drawn from a seed, and all time
 * is Effect's `Clock`: with a `TestClock`, or in `virtualTime`, no real time passes, and the same seed is the same run.
 *
 * The `Net` of the layer is that of the host "localhost". Other hosts come into being when they are named; each has an
 * address (`10.0.0.2`, ...), and finds the others by name. Without options the network is instant and faultless.
 *
 * Lifecycle. The network lives as long as the layer's scope. Build the layer where the clock is that of the test: the
 * network keeps the clock that it was made with.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { formatHostPort } from "../Address/index.js"
import {
  fromResolver,
  isConnectionErrorReason,
  NetworkError,
  type SocketErrorReason
} from "../Errors/index.js"
import * as Core from "../Proactor/Simulated/index.js"
import { Net, type NetService, overProactor } from "./Net.js"
import { fromLookup, type Lookup, Resolver, type ResolverService, withZones } from "./Resolver.js"

export {
  type Between,
  type Breakage,
  type CancelOptions,
  type FaultKind,
  type FaultRates,
  type FaultTable,
  type Latency,
  type LinkOptions,
  type SimulationOptions,
  type TraceEntry,
  virtualTime
} from "../Proactor/Simulated/index.js"

/**
 * A host of a simulated network.
 *
 * @since 0.1.0
 * @category models
 */
export interface SimulatedHost {
  readonly name: string
  /** Its addresses on the network; on top of them it has its own loopback. */
  readonly addresses: ReadonlyArray<string>
  /** The network as this host sees it. */
  readonly net: NetService
  /** Runs an effect on this host. */
  readonly run: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, Exclude<R, Net | Resolver>>
}

/**
 * @since 0.1.0
 * @category options
 */
export interface HostOptions {
  /** IPv4 and IPv6 addresses. One IPv4 address of the network's choice if absent. */
  readonly addresses?: ReadonlyArray<string> | undefined
}

/**
 * What can be done to a simulated network. Hosts are named; one that is not there yet comes into being.
 *
 * @since 0.1.0
 * @category models
 */
export interface SimulatedNetwork {
  /** What everything here is drawn from. */
  readonly seed: number
  /** The host of that name. The options count where it comes into being. */
  readonly host: (name: string, options?: HostOptions) => SimulatedHost
  /** Gives a name to addresses, of one host or of several, in the order in which the resolver tells them. */
  readonly name: (name: string, addresses: ReadonlyArray<string>) => Effect.Effect<void>
  /** Changes what the options name about the links between two hosts, in both directions. */
  readonly link: (a: string, b: string, options: Core.LinkOptions) => Effect.Effect<void>
  /** Changes the link from one host to another, in this direction only. */
  readonly linkOneWay: (from: string, to: string, options: Core.LinkOptions) => Effect.Effect<void>
  /** Cuts two hosts off from each other. What they send waits, or is given up, as with a cable that is pulled. */
  readonly partition: (a: string, b: string) => Effect.Effect<void>
  /** Cuts one direction only. */
  readonly partitionOneWay: (from: string, to: string) => Effect.Effect<void>
  /** Takes a partition back, in both directions. What waited is sent again. */
  readonly repair: (a: string, b: string) => Effect.Effect<void>
  /** Makes a host a black hole: nothing that is sent to it is answered, and nothing of it gets out. */
  readonly blackhole: (host: string) => Effect.Effect<void>
  /** Takes a black hole, or a vanishing, back. Connections that a vanishing has silenced stay silent. */
  readonly restore: (host: string) => Effect.Effect<void>
  /** A host loses its power: like a black hole, and its connections never speak again. Their peers are half open. */
  readonly vanish: (host: string) => Effect.Effect<void>
  /** Resets the connections between two hosts, on both sides, now. */
  readonly resetConnections: (a: string, b: string) => Effect.Effect<void>
  /** Makes the connections between two hosts half open: nothing arrives on them any more. New ones are well. */
  readonly silenceConnections: (a: string, b: string) => Effect.Effect<void>
  /** The next one of its kind, on that host if one is named, fails so. Several calls plan several failures. */
  readonly failNext: (kind: Core.FaultKind, reason: SocketErrorReason, host?: string) => Effect.Effect<void>
  /** What happened so far, if the network was made with `trace`. */
  readonly trace: Effect.Effect<ReadonlyArray<Core.TraceEntry>>
}

/**
 * A run that failed, with the seed that makes it fail again.
 *
 * @since 0.1.0
 * @category errors
 */
export class SimulationFailed<E> extends Data.TaggedError("SimulationFailed")<{
  readonly seed: number
  readonly failure: Cause.Cause<E>
}> {
  override get message(): string {
    return `failed with the seed ${this.seed}; run it again with { seed: ${this.seed} }: ${Cause.pretty(this.failure)}`
  }
}

/**
 * Which seeds to run with.
 *
 * @since 0.1.0
 * @category options
 */
export interface ReplayOptions {
  /** Run with this one only. */
  readonly seed?: number | undefined
  /** Run with so many, one after the other. 100 if absent. */
  readonly runs?: number | undefined
  /** The first of them. 0 if absent. */
  readonly firstSeed?: number | undefined
}

const LOCALHOST = "localhost"

const loopbacks: ReadonlyArray<string> = ["127.0.0.1", "::1"]

/** Names that are no host's own. */
type Names = Map<string, ReadonlyArray<string>>

/** What a name is to a host: itself, another host, or nobody. */
const lookupOn =
  (network: Core.Network, names: Names, asking: string): Lookup =>
  ({ host: name, port }) =>
    Effect.suspend(() => {
      const address = formatHostPort(name, port)
      const fault = network.faults.draw("resolve", asking)
      if (fault !== undefined) {
        const reason = isConnectionErrorReason(fault) ? "ResolverFailed" : fault
        return Effect.fail(new NetworkError({ ...resolving, reason, address }))
      }
      if (name.toLowerCase() === LOCALHOST) return Effect.succeed(loopbacks)
      const named = names.get(name.toLowerCase())
      if (named !== undefined) return Effect.succeed(named)
      const found = network.find(name) ?? network.find(name.toLowerCase())
      if (found !== undefined) return Effect.succeed(found.addresses)
      return Effect.fail(fromResolver({ code: "ENOTFOUND" }, { ...resolving, address }))
    })

const resolving = { operation: "resolve", syscall: "getaddrinfo" } as const

/** A host with what runs on it. */
class Host implements SimulatedHost {
  readonly name: string
  readonly addresses: ReadonlyArray<string>
  readonly net: NetService
  readonly resolver: ResolverService

  constructor(
    network: Core.Network,
    names: Names,
    name: string,
    addresses: ReadonlyArray<string> | undefined
  ) {
    const host = network.host(name, addresses)
    this.name = name
    this.addresses = host.addresses
    const proactor = network.proactor(host)
    const zoneIndex = (zone: string) => proactor.interfaceIndex(zone)
    this.resolver = fromLookup(withZones(zoneIndex, lookupOn(network, names, name)))
    this.net = overProactor(proactor, this.resolver)
  }

  readonly run = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Net | Resolver>> =>
    Effect.provide(effect, Context.make(Net, this.net).pipe(Context.add(Resolver, this.resolver)))
}

class NetworkControl implements SimulatedNetwork {
  readonly seed: number
  private readonly network: Core.Network
  private readonly hosts = new Map<string, Host>()
  private readonly names: Names = new Map()

  constructor(network: Core.Network, seed: number) {
    this.network = network
    this.seed = seed
  }

  host(name: string, options?: HostOptions): Host {
    const known = this.hosts.get(name)
    if (known !== undefined) return known
    const host = new Host(this.network, this.names, name, options?.addresses)
    this.hosts.set(name, host)
    return host
  }

  name(name: string, addresses: ReadonlyArray<string>): Effect.Effect<void> {
    return Effect.sync(() => void this.names.set(name.toLowerCase(), addresses))
  }

  link(a: string, b: string, options: Core.LinkOptions): Effect.Effect<void> {
    return Effect.zipRight(this.linkOneWay(a, b, options), this.linkOneWay(b, a, options))
  }

  linkOneWay(from: string, to: string, options: Core.LinkOptions): Effect.Effect<void> {
    return Effect.sync(() => this.network.link(from, to).configure(options))
  }

  partition(a: string, b: string): Effect.Effect<void> {
    return Effect.zipRight(this.partitionOneWay(a, b), this.partitionOneWay(b, a))
  }

  partitionOneWay(from: string, to: string): Effect.Effect<void> {
    return this.control(`partition ${from} > ${to}`, () => this.network.link(from, to).cut())
  }

  repair(a: string, b: string): Effect.Effect<void> {
    return this.control(`repair ${a} - ${b}`, () => {
      this.network.link(a, b).repair()
      this.network.link(b, a).repair()
    })
  }

  blackhole(host: string): Effect.Effect<void> {
    return this.control(`blackhole ${host}`, () => this.network.setVanished(host, true))
  }

  restore(host: string): Effect.Effect<void> {
    return this.control(`restore ${host}`, () => this.network.setVanished(host, false))
  }

  vanish(host: string): Effect.Effect<void> {
    return this.control(`vanish ${host}`, () => {
      this.network.setVanished(host, true)
      for (const connection of this.network.between(host)) connection.silence()
    })
  }

  resetConnections(a: string, b: string): Effect.Effect<void> {
    return Effect.sync(() => {
      for (const connection of this.network.between(a, b)) connection.reset()
    })
  }

  silenceConnections(a: string, b: string): Effect.Effect<void> {
    return Effect.sync(() => {
      for (const connection of this.network.between(a, b)) connection.silence()
    })
  }

  failNext(kind: Core.FaultKind, reason: SocketErrorReason, host?: string): Effect.Effect<void> {
    return Effect.sync(() => this.network.faults.plan(kind, reason, host))
  }

  get trace(): Effect.Effect<ReadonlyArray<Core.TraceEntry>> {
    return Effect.sync(() => [...this.network.simulation.entries])
  }

  private control(what: string, run: () => void): Effect.Effect<void> {
    return Effect.sync(() => {
      this.network.simulation.trace(() => what)
      run()
    })
  }
}

/**
 * The simulated network that a program runs on: to name its hosts, and to break it.
 *
 * @example
 * import { Net } from "effect-iocp"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const network = yield* Net.Simulated
 *   const listener = yield* Net.Simulated.on("server")(Net.listen({ host: "0.0.0.0", port: 80 }))
 *   yield* network.partition("localhost", "server")
 *   return yield* Net.connect({ host: "server", port: 80, timeout: "5 seconds" })
 * })
 *
 * @since 0.1.0
 * @category services
 */
export class Simulated extends Context.Tag("effect-iocp/Net/Simulated")<Simulated, SimulatedNetwork>() {
  /** Runs an effect on the host of that name. */
  static readonly on =
    (name: string) =>
    <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Net | Resolver> | Simulated> =>
      Effect.flatMap(Simulated, (network) => network.host(name).run(effect))

  /**
   * Runs a program with one seed after the other, until it fails with one: that failure tells the seed, and running
   * with `{ seed }` does it again.
   */
  static readonly replayable = <A, E, R>(
    program: (seed: number) => Effect.Effect<A, E, R>,
    { firstSeed = 0, runs = 100, seed }: ReplayOptions = {}
  ): Effect.Effect<void, SimulationFailed<E>, R> => {
    const runWith = (chosen: number) =>
      Effect.suspend(() => program(chosen)).pipe(
        Effect.catchAllCause((cause) =>
          Cause.isInterruptedOnly(cause)
            ? Effect.interrupt
            : Effect.fail(new SimulationFailed({ seed: chosen, failure: cause }))
        )
      )
    if (seed !== undefined) return Effect.asVoid(runWith(seed))
    return Effect.loop(0, {
      while: (count) => count < runs,
      step: (count) => count + 1,
      body: (count) => runWith(firstSeed + count),
      discard: true
    })
  }
}

const makeServices = (
  options: Core.SimulationOptions
): Effect.Effect<Context.Context<Net | Resolver | Simulated>, never, Scope.Scope> =>
  Effect.map(Core.makeNetwork(options), (network) => {
    const control = new NetworkControl(network, options.seed ?? 0)
    const localhost = control.host(LOCALHOST)
    return Context.make(Net, localhost.net).pipe(
      Context.add(Resolver, localhost.resolver),
      Context.add(Simulated, control)
    )
  })

/**
 * The service over a network in memory. It loads no foreign library, and runs anywhere.
 *
 * @example
 * import { Net } from "effect-iocp"
 *
 * const slow = Net.layerSimulated({ seed: 1, latency: "20 millis", bandwidth: 1_000_000 })
 *
 * @since 0.1.0
 * @category layers
 */
export const layerSimulated = (
  options: Core.SimulationOptions = {}
): Layer.Layer<Net | Resolver | Simulated> => Layer.scopedContext(makeServices(options))
