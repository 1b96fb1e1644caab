/**
 * Accepting: `AcceptEx` into a socket that was made beforehand.
 *
 * Lifecycle of an accept, where "ended" is its packet or, on a socket whose packets are left out, the call's success:
 *
 *     Armed --ended, well--> the pre-made socket becomes the connection's; retired
 *      | ^
 *      | +--ended, one connection's fault--> the pre-made socket is closed, armed again with a fresh one
 *      |
 *      +--ended, cancelled or the listener's fault--> the pre-made socket is closed; retired
 *
 * A peer that connects and is gone before anybody accepted it is not the listener's failure: whoever waits in accept
 * goes on waiting. Only an accept whose cancellation was asked for is not armed again.
 *
 * @since 0.1.0
 */
import type { Endpoint } from "../../Address/index.js"
import { fromNtStatus, isSocketError, type SocketError } from "../../Errors/index.js"
import * as C from "../../Iocp/Constants.js"
import { winsock } from "../../Iocp/Winsock.js"
import type { SocketFamily } from "../SocketOption.js"
import type { Domain } from "./Domain.js"
import { type NativeOption, setNative } from "./IocpOptions.js"
import type { OperationSlot } from "./OperationSlots.js"
import { addressOf, closeHandle, lastFailure, openHandle, setNoDelay } from "./SocketHandle.js"
import { type Start, startOf } from "./Start.js"
import { isFailure } from "./Transfer.js"

/**
 * So many connections in a row may turn out dead in one call before that is reported as the listener's failure.
 *
 * @internal
 */
export const DEAD_CONNECTIONS_IN_A_ROW = 256

/** Of each of the two addresses in a slot's record: for one of any domain, and the 16 bytes more that AcceptEx wants. */
const ROOM = C.SIZEOF_SOCKADDR_STORAGE

const listenerHandle = new BigUint64Array(1)
const listenerWords = new Uint32Array(listenerHandle.buffer)
const listenerBytes = new Uint8Array(listenerHandle.buffer)
const localPointer = new Uint32Array(2)
const remotePointer = new Uint32Array(2)
const localSize = new Int32Array(1)
const remoteSize = new Int32Array(1)
const bytesOf = (words: Uint32Array | Int32Array) => new Uint8Array(words.buffer)
const pointers = {
  local: bytesOf(localPointer),
  localSize: bytesOf(localSize),
  remote: bytesOf(remotePointer),
  remoteSize: bytesOf(remoteSize)
}

/** Why an accept fails when it is the connection that is dead: its peer took it back, or is gone. */
const faultsOfOneConnection: ReadonlySet<string> = new Set(["Reset", "Aborted", "TimedOut", "NotConnected"])

const isFaultOfOneConnection = ({ reason }: SocketError): boolean => faultsOfOneConnection.has(reason)

const accepting = () => ({ operation: "accept", syscall: "AcceptEx" })

/**
 * Arms the accept with a pre-made socket.
 *
 * @internal
 */
export const startAccept = (listener: number, family: SocketFamily, slot: OperationSlot): Start => {
  for (let attempt = 1; ; attempt++) {
    const premade = openHandle(family, "accept")
    if (typeof premade !== "number") return premade
    slot.premade = premade
    const start = arm(listener, premade, slot)
    if (typeof start === "string") return start
    dropPremade(slot)
    if (!isFaultOfOneConnection(start) || attempt === DEAD_CONNECTIONS_IN_A_ROW) return start
  }
}

const arm = (listener: number, premade: number, slot: OperationSlot): Start => {
  slot.prepare()
  const { address, addressesAddress } = slot
  const isDone = winsock().AcceptEx(listener, premade, addressesAddress, 0, ROOM, ROOM, address) !== 0
  return startOf(isDone, accepting)
}

/**
 * How an accept ended: with a connection, with a failure, or not at all, because the connection was dead.
 *
 * @internal
 */
export type AcceptEnd<A extends Endpoint> =
  | { readonly _tag: "Accepted"; readonly handle: number; readonly remoteAddress: A | undefined }
  | { readonly _tag: "Failed"; readonly failure: SocketError }
  | { readonly _tag: "DeadConnection"; readonly failure: SocketError }

/**
 * Reads how an accept ended. An accepted handle is the caller's, and has the options; any other pre-made socket is closed.
 *
 * @internal
 */
export const finishAccept = <A extends Endpoint>(
  listener: number,
  domain: Domain<A>,
  slot: OperationSlot,
  options: ReadonlyArray<NativeOption>
): AcceptEnd<A> => {
  const { status, premade } = slot
  if (isFailure(status)) {
    dropPremade(slot)
    const failure = fromNtStatus(status, accepting())
    return { _tag: isFaultOfOneConnection(failure) ? "DeadConnection" : "Failed", failure }
  }
  // Until then the socket is connected, but knows neither its listener's options nor its own addresses. Where the
  // listener is well, which the next accept shows, a failure is this connection's. Likewise for its own options.
  const failure =
    updateContext(listener, premade) ?? ownOptions(premade, domain) ?? handedOn(premade, options)
  if (failure !== undefined) {
    dropPremade(slot)
    return { _tag: "DeadConnection", failure }
  }
  slot.premade = -1
  return { _tag: "Accepted", handle: premade, remoteAddress: remoteAddress(premade, domain, slot) }
}

/** Closes a slot's pre-made socket. The system is not using it any more. */
const dropPremade = (slot: OperationSlot): void => {
  if (slot.premade === -1) return
  closeHandle(slot.premade)
  slot.premade = -1
}

/** What a socket of this library's has from the start. */
const ownOptions = (accepted: number, { family }: { readonly family: SocketFamily }) =>
  family === "Unix" ? undefined : setNoDelay(accepted, "accept")

/**
 * What its listener was given. The system hands some of these on with the context, which of them is not written down; so all
 * are set.
 */
const handedOn = (accepted: number, options: ReadonlyArray<NativeOption>): SocketError | undefined => {
  for (const option of options) {
    const failure = setNative(accepted, option, "accept")
    if (failure !== undefined) return failure
  }
  return undefined
}

const updateContext = (listener: number, accepted: number): SocketError | undefined => {
  // A handle is a 64-bit value whose upper half is 0.
  listenerWords[0] = listener
  const { setsockopt } = winsock()
  const isUpdated = setsockopt(accepted, C.SOL_SOCKET, C.SO_UPDATE_ACCEPT_CONTEXT, listenerBytes, 8) === 0
  return isUpdated ? undefined : lastFailure("accept", "setsockopt")
}

/** The peer's address, which AcceptEx has put somewhere into the slot's record; else what `getpeername` says. */
const remoteAddress = <A extends Endpoint>(
  accepted: number,
  domain: Domain<A>,
  slot: OperationSlot
): A | undefined => {
  winsock().GetAcceptExSockaddrs(
    slot.addressesAddress,
    0,
    ROOM,
    ROOM,
    pointers.local,
    pointers.localSize,
    pointers.remote,
    pointers.remoteSize
  )
  // The record is far smaller than 4 GiB: the lower halves of the addresses tell how far into it the pointer goes.
  const offset = ((remotePointer[0] ?? 0) - (slot.addressesAddress % 0x1_0000_0000)) >>> 0
  const size = remoteSize[0] ?? 0
  if (size > 0 && offset + size <= slot.addresses.length) {
    const address = domain.decode(slot.addresses.subarray(offset, offset + size), size)
    if (address !== undefined) return address
  }
  const answer = addressOf(accepted, domain, "getpeername", "accept")
  return isSocketError(answer) ? undefined : answer
}
