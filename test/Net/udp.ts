/**
 * UDP sockets on loopback, and datagrams that are numbers, for tests.
 */
import * as Effect from "effect/Effect"
import type { SocketAddress } from "../../src/Address/index.js"
import * as Udp from "../../src/Net/Udp.js"

export const loopback = { host: "127.0.0.1", port: 0 } as const

export const bound = Udp.bind(loopback)

export const two = Effect.all([bound, bound])

/** A number in two bytes. */
export const numbered = (number: number): Uint8Array => Uint8Array.of(number & 0xff, number >> 8)

export const numberOf = ({ bytes: [low = 0, high = 0] }: Udp.Datagram): number => low + 256 * high

export const inOrder = (numbers: ReadonlyArray<number>) => [...numbers].sort((a, b) => a - b)

export const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)

/** An address of loopback at which nobody receives. */
export const dead = Effect.map(Effect.scoped(bound), ({ address }) => address)

/** Sends numbers from 0 on, with a pause after each, which is told how many there were. */
export const counting = (
  from: Udp.UdpSocket,
  to: SocketAddress,
  count: number,
  pause: (sent: number) => Effect.Effect<unknown>
) =>
  Effect.forEach(
    upTo(count),
    (number) => Effect.zipRight(from.send(numbered(number), to), pause(number + 1)),
    { discard: true }
  )
