/**
 * What a simulated network can be told, and what it is when it is told nothing: instant, faultless, without limits
 * but those of the buffers.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import type { SocketErrorReason } from "../../Errors/index.js"
import type { Between } from "./Random.js"

export type { Between } from "./Random.js"

/**
 * A duration, or a range to draw from.
 *
 * @since 0.1.0
 * @category options
 */
export type Latency = Duration.DurationInput | Between<Duration.DurationInput>

/**
 * A connection that breaks on the way.
 *
 * @since 0.1.0
 * @category options
 */
export interface Breakage {
  /** How likely it is for a connection, 0 to 1. */
  readonly probability: number
  /** After so many bytes, counted in both directions. 0 to 65 536 if absent. */
  readonly afterBytes?: number | Between<number> | undefined
}

/**
 * A link from one host to another, in one direction.
 *
 * @since 0.1.0
 * @category options
 */
export interface LinkOptions {
  /** How long a packet is on its way. None if absent. */
  readonly latency?: Latency | undefined
  /** Bytes per second, shared by all connections of the link. No limit if absent. */
  readonly bandwidth?: number | undefined
  /** How likely a packet is lost, 0 to 1. A stream loses nothing by it but time: the packet is sent again. A datagram is gone. */
  readonly loss?: number | undefined
  /** How likely a packet arrives twice, 0 to 1. A stream does not notice; a datagram is received twice. */
  readonly duplication?: number | undefined
  /** How likely a packet is overtaken by others, 0 to 1. Within a stream the order stays; that of datagrams does not. */
  readonly reordering?: number | undefined
  /** Connections that are reset mid-stream: both sides learn of it. */
  readonly reset?: Breakage | undefined
  /** Connections that fall silent mid-stream: nothing arrives any more, and nobody is told. */
  readonly silence?: Breakage | undefined
}

/**
 * What can be made to fail.
 *
 * @since 0.1.0
 * @category options
 */
export type FaultKind = "socket" | "bind" | "listen" | "connect" | "accept" | "receive" | "send" | "resolve"

/**
 * How likely which failure is, 0 to 1. `any` is one of all reasons there are, each as likely as the others.
 *
 * @since 0.1.0
 * @category options
 */
export type FaultRates = { readonly [Reason in SocketErrorReason | "any"]?: number | undefined }

/**
 * How likely what fails, and how.
 *
 * @since 0.1.0
 * @category options
 */
export type FaultTable = { readonly [Kind in FaultKind]?: FaultRates | undefined }

/**
 * What happens to an operation that is cancelled.
 *
 * @since 0.1.0
 * @category options
 */
export interface CancelOptions {
  /** How long a cancelled operation takes to retire; it may complete meanwhile. At once if absent. */
  readonly delay?: Latency | undefined
  /**
   * How likely the request comes too late, 0 to 1: the operation completes, with its bytes or its connection, if
   * anything is on its way.
   */
  readonly losesRace?: number | undefined
}

/**
 * A simulated network.
 *
 * @since 0.1.0
 * @category options
 */
export interface SimulationOptions extends LinkOptions {
  /** What everything is drawn from: the same seed, the same run. 0 if absent. */
  readonly seed?: number | undefined
  /** How much a connection takes from its writer before it has gone out. 65 536 bytes if absent. */
  readonly sendBufferBytes?: number | undefined
  /** How much waits at the receiving side to be read, 65 536 bytes if absent. Datagrams that find no room are lost. */
  readonly receiveBufferBytes?: number | undefined
  /** How likely a receive gets only a part of what is there, 0 to 1. */
  readonly partialReads?: number | undefined
  /** How likely a send takes only a part of what there is room for, 0 to 1. */
  readonly partialWrites?: number | undefined
  /** How many sockets a host may have open; one more is `ResourceExhausted`. No limit if absent. */
  readonly maxSockets?: number | undefined
  /** How much room a host's files have, in pages of 4096 bytes; then its disk is full. No limit if absent. */
  readonly diskBytes?: number | undefined
  /** What fails by chance. */
  readonly faults?: FaultTable | undefined
  readonly cancel?: CancelOptions | undefined
  /** Whether events of the same instant come in an order drawn from the seed, rather than first come, first served. */
  readonly shuffle?: boolean | undefined
  /** Whether to record what happens, for `network.trace`. */
  readonly trace?: boolean | undefined
  /** How long the system goes on sending what is not answered before it gives up. About 15 minutes if absent. */
  readonly retransmitLimit?: Duration.DurationInput | undefined
}

/** In milliseconds. @internal */
export type Span = Between<number>

const noTime: Span = { min: 0, max: 0 }

const isRange = (latency: Latency): latency is Between<Duration.DurationInput> =>
  Predicate.hasProperty(latency, "min") && Predicate.hasProperty(latency, "max")

/** @internal */
export const toSpan = (latency: Latency | undefined): Span => {
  if (latency === undefined) return noTime
  if (isRange(latency)) return { min: Duration.toMillis(latency.min), max: Duration.toMillis(latency.max) }
  const millis = Duration.toMillis(latency)
  return { min: millis, max: millis }
}

/** @internal */
export const toRange = (count: number | Between<number> | undefined, fallback: Between<number>) => {
  if (count === undefined) return fallback
  return typeof count === "number" ? { min: count, max: count } : count
}

/** Linux's, with its usual settings. */
const RETRANSMIT_LIMIT = Duration.millis(924_600)
const BUFFER_BYTES = 65_536

/** The options that do not belong to a link, all of them there. @internal */
export interface Settings {
  readonly sendBufferBytes: number
  readonly receiveBufferBytes: number
  readonly partialReads: number
  readonly partialWrites: number
  readonly maxSockets: number
  readonly diskBytes: number
  readonly cancelDelay: Span
  readonly cancelLosesRace: number
  readonly retransmitLimit: number
}

/** @internal */
export const toSettings = (options: SimulationOptions): Settings => ({
  sendBufferBytes: options.sendBufferBytes ?? BUFFER_BYTES,
  receiveBufferBytes: options.receiveBufferBytes ?? BUFFER_BYTES,
  partialReads: options.partialReads ?? 0,
  partialWrites: options.partialWrites ?? 0,
  maxSockets: options.maxSockets ?? Number.POSITIVE_INFINITY,
  diskBytes: options.diskBytes ?? Number.POSITIVE_INFINITY,
  cancelDelay: toSpan(options.cancel?.delay),
  cancelLosesRace: options.cancel?.losesRace ?? 0,
  retransmitLimit: Duration.toMillis(options.retransmitLimit ?? RETRANSMIT_LIMIT)
})
