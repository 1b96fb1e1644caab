import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import {
  makeNetwork,
  makeProactor,
  type Network,
  type SimulationOptions
} from "../../src/Proactor/Simulated/index.js"
import { proactorContract } from "./contract.js"

/** Proactors of one host of one network, as on a real system. The network lasts as long as this process. */
const subject = (name: string, options: SimulationOptions) => {
  let network: Network | undefined
  const shared = Effect.suspend(() => {
    if (network !== undefined) return Effect.succeed(network)
    return Effect.tap(Scope.extend(makeNetwork(options), Effect.runSync(Scope.make())), (made) => {
      network = made
    })
  })
  proactorContract({
    name,
    make: Effect.flatMap(shared, (made) => makeProactor(made, made.host("localhost"))),
    isHere: true,
    isSlow: false,
    isIsolated: true,
    restartsAtOnce: true,
    unix: "paths and abstract names",
    codes: {
      refused: { code: 111, codeName: "ECONNREFUSED" },
      addressInUse: { code: 98, codeName: "EADDRINUSE" },
      notConnected: { code: 107, codeName: "ENOTCONN" }
    }
  })
}

subject("simulated", {})

// Everything takes a while, comes in pieces, and in another order each time; nothing of what is promised changes.
subject("simulated, slow and shuffled", {
  seed: 1,
  latency: { min: 0, max: 2 },
  shuffle: true,
  cancel: { delay: { min: 0, max: 2 }, losesRace: 0.3 }
})
