/**
 * A `node:http` server whose connections come from elsewhere: it says that it listens there, and does nothing for it.
 *
 * Lifecycle:
 *
 *     made --listen()--> looks for requests that are late --drain()--> answers announce the end --release()--> over
 *
 * Node never learns that it does not listen: `listen` emits 'listening', which is what starts its look for late requests,
 * and each connection is given to it by 'connection', as its own would be.
 *
 * @since 0.1.0
 */
import * as Http from "node:http"
import type { Duplex } from "node:stream"
import type { Endpoint } from "../../Address/index.js"

/** What Node's server can be told. Part of the public options, so not internal. */
export type NodeOptions = Omit<Http.ServerOptions, "IncomingMessage" | "ServerResponse">

interface Stage {
  isDraining: boolean
}

/** Responses that, once the server drains, tell clients to bring no further request on their connection. */
const responsesIn = (stage: Stage) =>
  class<Request extends Http.IncomingMessage> extends Http.ServerResponse<Request> {
    override writeHead(...args: ReadonlyArray<unknown>): this {
      if (stage.isDraining) this.shouldKeepAlive = false
      Reflect.apply(super.writeHead, this, args)
      return this
    }
  }

/** Answers when nothing is served any more: Node would leave the client waiting. */
const refuse = (_request: Http.IncomingMessage, response: Http.ServerResponse): void => {
  response.writeHead(503, { Connection: "close" }).end()
}

/** @internal */
export class ServerElsewhere extends Http.Server {
  private readonly local: Endpoint
  private readonly stage: Stage
  /** The streams, and whether anything of a request has come on each. */
  private readonly streams = new Map<Duplex, () => boolean>()

  /** Throws Node's `RangeError` or `TypeError` where it does not take an option. */
  constructor(options: NodeOptions, local: Endpoint) {
    const stage: Stage = { isDraining: false }
    super({ ...options, ServerResponse: responsesIn(stage) })
    this.local = local
    this.stage = stage
    this.on("newListener", (name, listener) => {
      if (name === "request" && listener !== refuse) this.off("request", refuse)
    })
    this.on("removeListener", (name, listener) => {
      const isLast = name === "request" && listener !== refuse && this.listenerCount("request") === 0
      if (isLast) this.on("request", refuse)
    })
  }

  override listen(...args: ReadonlyArray<unknown>): this {
    const listening = args.at(-1)
    process.nextTick(() => {
      // From then on Node looks for requests that take too long.
      this.emit("listening")
      if (typeof listening === "function") listening()
    })
    return this
  }

  /** As Node's tells it: the path itself, if it is one. */
  override address(): string | { address: string; family: string; port: number } {
    if (this.local._tag === "UnixAddress") return this.local.path
    if (this.local._tag === "PipeAddress") return this.local.name
    const { family, host, port } = this.local
    return { address: host, family, port }
  }

  /** Serves a connection. `isUsed` tells whether anything has come on it yet. */
  take(stream: Duplex, isUsed: () => boolean): void {
    // Node takes its own listener off when a client asks for another protocol. If the connection fails before somebody
    // else listens, that is to be no uncaught exception: whoever asks could end the process with it.
    stream.on("error", () => {})
    this.streams.set(stream, isUsed)
    stream.once("close", () => this.streams.delete(stream))
    this.emit("connection", stream)
  }

  /** From now on every answer is the last of its connection. */
  drain(): void {
    this.stage.isDraining = true
  }

  /** Closes the connections on which no request is under way; to Node one that has not sent anything yet is not idle. */
  closeUnused(): void {
    this.closeIdleConnections()
    for (const [stream, isUsed] of this.streams) if (!isUsed()) stream.destroy()
  }

  /** Ends what Node started for it. */
  release(): void {
    this.closeAllConnections()
    // That it was not listening, as it will say, is true.
    this.close(() => {})
  }
}
