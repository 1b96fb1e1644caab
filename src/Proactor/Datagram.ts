/**
 * Datagrams: the operations that move them, and the sockets that a proactor drives these on.
 *
 * A datagram comes whole or not at all, and is sent whole or not at all. So an operation that was cancelled has either
 * done its work, and says so, or has changed nothing.
 *
 * Both operations move several datagrams where a proactor can: for many small ones the system call is a large part of the
 * price, and one call can do for all that have come.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { AddressFamily, SocketAddress } from "../Address/index.js"
import type { SocketError } from "../Errors/index.js"
import { Operation, takenAway } from "./Operation.js"
import type { ProactorHandle } from "./Proactor.js"
import type { DatagramOptionName, NetworkInterface, SocketOptions } from "./SocketOption.js"

/**
 * The most bytes that any datagram has: what the 16 bits of UDP's length field leave, less its header. IPv4's own header
 * takes 20 more.
 *
 * @since 0.1.0
 * @category constants
 */
export const LARGEST_DATAGRAM_BYTES = 65_527

/**
 * A datagram that has come.
 *
 * @since 0.1.0
 * @category models
 */
export interface Datagram {
  /** What it holds, perhaps nothing: memory of its own, the receiver's to keep. */
  readonly bytes: Uint8Array
  /** Who sent it. Of an IPv4 peer, a socket for IPv6 sees the mapped address: `::ffff:192.0.2.1`. */
  readonly address: SocketAddress
  /** Whether it was longer than what was asked for, and the rest is gone. */
  readonly isTruncated: boolean
}

/**
 * The first bytes of a datagram.
 *
 * @internal
 */
export const cutTo = (datagram: Datagram, maxBytes: number): Datagram =>
  datagram.bytes.length <= maxBytes
    ? datagram
    : { bytes: datagram.bytes.subarray(0, maxBytes), address: datagram.address, isTruncated: true }

/**
 * A datagram to be sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface OutgoingDatagram {
  /** Left unchanged until the operation retires. */
  readonly bytes: Uint8Array
  /** How many there were when it was made. */
  readonly byteLength: number
  /** Whom to; `undefined` for the peer of a connected socket. */
  readonly address: SocketAddress | undefined
}

/**
 * A datagram of these bytes. Has no address if the socket is connected.
 *
 * @since 0.1.0
 * @category constructors
 */
export const outgoing = (bytes: Uint8Array, address?: SocketAddress): OutgoingDatagram => ({
  bytes,
  byteLength: bytes.length,
  address
})

/**
 * Whether its bytes are still there. What was taken away looks like nothing, which is a datagram too.
 *
 * @internal
 */
export const isWhole = ({ byteLength, bytes }: OutgoingDatagram): boolean => bytes.length === byteLength

const noDatagrams: ReadonlyArray<never> = []

/**
 * Receives what has come: at least one datagram, and at most `maxCount`, of each the first `maxBytes`.
 *
 * What becomes of a datagram of the socket's own on its way to somebody (nobody receives there, say) is told on a
 * connected socket, as a failure; it takes nothing, and the next receive is well. On others it does not retire the
 * operation.
 *
 * @since 0.1.0
 * @category models
 */
export class ReceiveFromOperation extends Operation {
  readonly kind = "ReceiveFrom"
  maxBytes = LARGEST_DATAGRAM_BYTES
  maxCount = 1
  /** What has come, after a success. */
  received: ReadonlyArray<Datagram> = noDatagrams

  /** What has come, which the operation forgets: it may be long until the next one does. */
  takeReceived(): ReadonlyArray<Datagram> {
    const { received } = this
    this.received = noDatagrams
    return received
  }
}

/**
 * Sends `datagrams` from `offset` on: at least one, perhaps not all. If it fails, the one at `offset` was not sent.
 *
 * @since 0.1.0
 * @category models
 */
export class SendToOperation extends Operation {
  readonly kind = "SendTo"
  datagrams: ReadonlyArray<OutgoingDatagram> = noDatagrams
  offset = 0
  /** How many were sent, once retired. */
  sent = 0

  /** For proactors, before they send the datagram at `offset`: see the same of `SendOperation`. */
  get vanished(): SocketError | undefined {
    const datagram = this.datagrams[this.offset]
    return datagram === undefined || isWhole(datagram) ? undefined : takenAway(this)
  }

  /** Lets go of the datagrams, once retired: it may be long until the next ones are sent. */
  forget(): void {
    this.datagrams = noDatagrams
  }
}

/**
 * The operations of a datagram socket.
 *
 * @since 0.1.0
 * @category models
 */
export type DatagramOperation = ReceiveFromOperation | SendToOperation

/**
 * A group that a socket is a member of: it receives what is sent to the group's address and the socket's port.
 *
 * @since 0.1.0
 * @category models
 */
export interface Membership {
  /** The address of the group: of 224.0.0.0/4, or of ff00::/8, as the socket's family is. */
  readonly group: string
  /** On which interface to hear it; the system chooses if absent. */
  readonly interface?: NetworkInterface | undefined
  /** From whom alone to hear it (RFC 4607); from anybody if absent. */
  readonly source?: string | undefined
}

/**
 * A UDP socket of the kernel's. It has at most one receive and one send in flight.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProactorDatagramSocket extends ProactorHandle<DatagramOperation> {
  readonly family: AddressFamily
  /** `bind(2)`. Nobody else can bind the same, unless both sockets have `reuseAddress` or `reusePort` on. */
  readonly bind: (address: SocketAddress) => Effect.Effect<void, SocketError>
  /** `connect(2)`: gives the socket a peer, to whom it sends, and from whom alone it receives. Nothing is sent by it. */
  readonly connect: (address: SocketAddress) => Effect.Effect<void, SocketError>
  /** `getsockname(2)`. */
  readonly localAddress: Effect.Effect<SocketAddress, SocketError>
  /** `getpeername(2)`. */
  readonly remoteAddress: Effect.Effect<SocketAddress, SocketError>
  readonly joinGroup: (membership: Membership) => Effect.Effect<void, SocketError>
  /** Takes a `joinGroup` back, of the same group, interface and source. */
  readonly leaveGroup: (membership: Membership) => Effect.Effect<void, SocketError>
  /** `getsockopt(2)`. */
  readonly getOption: <Name extends DatagramOptionName>(
    name: Name
  ) => Effect.Effect<SocketOptions[Name], SocketError>
  /** `setsockopt(2)`. */
  readonly setOption: <Name extends DatagramOptionName>(
    name: Name,
    value: SocketOptions[Name]
  ) => Effect.Effect<void, SocketError>
}
