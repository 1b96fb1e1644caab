/**
 * A proactor in memory: hosts, links and faults from a seed.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ProactorService } from "../Proactor.js"
import { drive } from "./Driver.js"
import { Network, type SimulatedHost } from "./Network.js"
import type { SimulationOptions } from "./Options.js"
import { makeSimulation } from "./Simulation.js"

/** @internal */
export type { Network, SimulatedHost } from "./Network.js"
export type {
  Between,
  Breakage,
  CancelOptions,
  FaultKind,
  FaultRates,
  FaultTable,
  Latency,
  LinkOptions,
  SimulationOptions
} from "./Options.js"
export type { TraceEntry } from "./Simulation.js"
export { virtualTime } from "./VirtualTime.js"

/**
 * A network, driven by the clock that is current here until the scope closes.
 *
 * @internal
 */
export const makeNetwork = (options: SimulationOptions = {}): Effect.Effect<Network, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Effect.clock
    const { seed = 0, shuffle = false, trace = false } = options
    const simulation = makeSimulation(clock, seed, { isTraced: trace, shuffles: shuffle })
    const network = new Network(simulation, options)
    yield* drive(simulation, () => network.hasWork)
    yield* Effect.addFinalizer(() => Effect.sync(() => network.shutDown()))
    return network
  })

/**
 * One more proactor for a host, until the scope closes.
 *
 * @internal
 */
export const makeProactor = (
  network: Network,
  host: SimulatedHost
): Effect.Effect<ProactorService, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => network.proactor(host)),
    (proactor) => Effect.sync(() => network.retire(proactor))
  )
