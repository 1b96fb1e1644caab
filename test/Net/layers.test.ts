import { afterEach, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { NetworkError } from "../../src/Errors/index.js"
import * as Net from "../../src/Net/index.js"

const platform = Object.getOwnPropertyDescriptor(process, "platform")

const pretendToBe = (name: string) => Object.defineProperty(process, "platform", { ...platform, value: name })

const build = (layer: Layer.Layer<Net.Net, unknown>) => Effect.flip(Effect.scoped(Layer.build(layer)))

describe("layers on a platform that they are not for", () => {
  afterEach(() => {
    if (platform !== undefined) Object.defineProperty(process, "platform", platform)
  })

  it.effect.runIf(process.platform === "linux")("IOCP on Linux is Unsupported", () =>
    Effect.gen(function* () {
      const failure = yield* build(Net.layerIocp)
      assert.instanceOf(failure, NetworkError)
      assert.deepInclude(failure, { reason: "Unsupported" })
    })
  )

  it.effect.runIf(process.platform === "win32")("epoll on Windows is Unsupported", () =>
    Effect.gen(function* () {
      const failure = yield* build(Net.layerEpoll)
      assert.instanceOf(failure, NetworkError)
      assert.deepInclude(failure, { reason: "Unsupported" })
    })
  )

  it.effect("a platform without a proactor is Unsupported, and the message names it", () =>
    Effect.gen(function* () {
      pretendToBe("sunos")
      const failure = yield* build(Net.layer)
      assert.instanceOf(failure, NetworkError)
      assert.deepInclude(failure, { reason: "Unsupported" })
      assert.include(String(failure), "sunos")
    })
  )
})
