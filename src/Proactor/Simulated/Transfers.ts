/**
 * Receiving and sending at one end of a simulated connection: whether it can be done now, and how much of it.
 *
 * What fails by chance, or on purpose, does so in the moment in which it would have succeeded. A connection that
 * fails so is done for, on both sides; lack of memory, say, leaves it as it was, and takes nothing.
 *
 * @since 0.1.0
 */
import { ConnectionError, type SocketErrorReason } from "../../Errors/index.js"
import type { Operation, ReceiveOperation, SendOperation } from "../Operation.js"
import type { Endpoint } from "./Endpoint.js"
import { type Faults, failure } from "./Faults.js"
import type { Settings } from "./Options.js"
import type { Simulation } from "./Simulation.js"

/** Where a transfer takes place. @internal */
export interface Place {
  readonly host: { readonly name: string }
  readonly network: {
    readonly simulation: Simulation
    readonly settings: Settings
    readonly faults: Faults
  }
}

/** The operation is over, with that failure. @internal */
export const failed = (operation: Operation, reason: SocketErrorReason, address?: string): true => {
  operation.failure = failure(operation.kind.toLowerCase(), reason, address)
  return true
}

const part = ({ network }: Place, count: number, probability: number): number => {
  const { random } = network.simulation
  return count > 1 && random.chance(probability) ? 1 + random.below(count) : count
}

/** Whether it is to fail though it could be done. */
const isStruck = (place: Place, operation: ReceiveOperation | SendOperation, endpoint: Endpoint): boolean => {
  const kind = operation.kind === "Receive" ? "receive" : "send"
  const reason = place.network.faults.draw(kind, place.host.name)
  if (reason === undefined) return false
  failed(operation, reason)
  place.network.simulation.trace(() => `${endpoint.name} ${kind} fails: ${reason}`)
  if (operation.failure instanceof ConnectionError) endpoint.fail(reason)
  return true
}

/** Receives what there is. `false`: nothing has come yet. @internal */
export const receive = (place: Place, operation: ReceiveOperation, endpoint: Endpoint): boolean => {
  if (endpoint.readable === 0) {
    if (endpoint.failureReason !== undefined) return failed(operation, endpoint.failureReason)
    if (!endpoint.isAtEnd) return false
  }
  if (isStruck(place, operation, endpoint)) return true
  const most = Math.min(operation.maxBytes, endpoint.readable)
  const count = part(place, most, place.network.settings.partialReads)
  operation.chunk = endpoint.take(count)
  place.network.simulation.trace(() => `${endpoint.name} receives ${count}`)
  return true
}

/** Sends what there is room for. `false`: there is none yet. @internal */
export const send = (place: Place, operation: SendOperation, endpoint: Endpoint): boolean => {
  if (endpoint.failureReason !== undefined) return failed(operation, endpoint.failureReason)
  if (endpoint.isWriteShut) return failed(operation, "Reset")
  if (operation.vanished !== undefined) return hasVanished(operation)
  if (endpoint.writable === 0) return false
  if (isStruck(place, operation, endpoint)) return true
  sendUpTo(place, operation, endpoint, endpoint.writable)
  return true
}

const hasVanished = (operation: SendOperation): true => {
  operation.failure = operation.vanished
  return true
}

const sendUpTo = (place: Place, operation: SendOperation, endpoint: Endpoint, room: number): void => {
  const { bytes, offset, pieces } = operation
  const rest = pieces?.bytesLeft ?? bytes.length - offset
  const most = part(place, Math.min(rest, room), place.network.settings.partialWrites)
  // Fewer where one of the pieces is gone.
  const chunk = pieces === undefined ? bytes.subarray(offset, offset + most) : pieces.copy(most)
  operation.sent = chunk.length
  place.network.simulation.trace(() => `${endpoint.name} sends ${chunk.length}`)
  endpoint.put(chunk)
}

/** The system takes the bytes after all, though there was no room. @internal */
export const hurrySend = (place: Place, operation: SendOperation, endpoint: Endpoint): boolean => {
  if (endpoint.failureReason !== undefined || endpoint.isWriteShut) return false
  if (operation.vanished !== undefined) return hasVanished(operation)
  sendUpTo(place, operation, endpoint, Number.POSITIVE_INFINITY)
  return true
}
