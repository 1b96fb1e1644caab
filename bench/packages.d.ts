/**
 * The parts of the benchmark's packages that it uses. Its packages are installed when it first runs, and the types are
 * checked without them.
 */
declare module "@effect/platform-node/NodeSocketServer" {
  import type { SocketServer, SocketServerError } from "@effect/platform/SocketServer"
  import type { Effect, Layer, Scope } from "effect"

  interface Options {
    readonly host: string
    readonly port: number
    readonly noDelay: boolean
  }
  export const make: (options: Options) => Effect.Effect<SocketServer["Type"], SocketServerError, Scope.Scope>
  export const layer: (options: Options) => Layer.Layer<SocketServer, SocketServerError>
}

declare module "cli-table3" {
  export default class Table {
    constructor(options: {
      readonly head: ReadonlyArray<string>
      readonly colAligns: ReadonlyArray<"left" | "right">
      readonly style: {
        readonly head: ReadonlyArray<string>
        readonly border: ReadonlyArray<string>
        readonly compact: boolean
      }
    })
    push(...rows: ReadonlyArray<ReadonlyArray<string>>): void
    toString(): string
  }
}

declare module "cli-progress" {
  const cliProgress: {
    readonly SingleBar: new (options: {
      readonly format: string
      readonly stream: NodeJS.WritableStream
      readonly hideCursor: boolean
      readonly clearOnComplete: boolean
      readonly gracefulExit: boolean
    }) => {
      start(total: number, startValue: number, payload: { readonly doing: string }): void
      increment(step: number, payload: { readonly doing: string }): void
      stop(): void
    }
  }
  export default cliProgress
}

declare module "vega" {
  export const parse: (spec: unknown) => unknown
  export const None: number
  export class View {
    constructor(runtime: unknown, options: { readonly renderer: "none"; readonly logLevel: number })
    toSVG(): Promise<string>
    finalize(): void
  }
}

declare module "vega-lite" {
  export const compile: (spec: unknown) => { readonly spec: unknown }
}
