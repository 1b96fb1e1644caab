/**
 * What one `recvmmsg` receives into: an array of `struct mmsghdr` in foreign memory, and for each message its `iovec`, the
 * room for the sender's address, and a buffer that holds any datagram.
 *
 *     mmsghdr mmsghdr ...  iovec iovec ...  name name ...  buffer buffer ...
 *
 * One serves all sockets of a proactor: the call returns at once, and what came is copied out before anything else runs.
 *
 * The buffers are 64 KiB apart, and a little more: their beginnings, which is all that small datagrams use, would otherwise
 * share a few lines of the processor's cache.
 *
 * @since 0.1.0
 */
import type { SocketAddress } from "../../Address/index.js"
import * as C from "../../Epoll/Constants.js"
import { IovecLayout, MmsghdrLayout, MsghdrLayout } from "../../Epoll/Libc.js"
import { ForeignMemory } from "../../Foreign/Memory.js"
import { type Datagram, LARGEST_DATAGRAM_BYTES } from "../Datagram.js"
import { copyOut } from "../ReceiveMemory.js"
import type { SockaddrCache } from "../SockaddrCache.js"

/**
 * So many datagrams come with one call at most.
 *
 * @internal
 */
export const RECEIVE_BATCH = 32

/** A `sockaddr_in6` has 28 bytes. */
const NAME_BYTES = 32
const NAME_ROOM = 28
const BUFFER_BYTES = 65_536
const BUFFER_STRIDE = BUFFER_BYTES + 192

const IOVECS = RECEIVE_BATCH * MmsghdrLayout.size
const NAMES = IOVECS + RECEIVE_BATCH * IovecLayout.size
const BUFFERS = NAMES + RECEIVE_BATCH * NAME_BYTES
const TOTAL_BYTES = BUFFERS + RECEIVE_BATCH * BUFFER_STRIDE

/** Where a field of a message is, in 32-bit words. */
const HEADER_WORDS = MmsghdrLayout.size / 4
const NAME_LENGTH = MsghdrLayout.nameLength / 4
const FLAGS = MsghdrLayout.flags / 4
const LENGTH = MmsghdrLayout.length / 4
const IOVEC_LENGTH = (IOVECS + IovecLayout.length) / 4
const IOVEC_WORDS = IovecLayout.size / 4

/** A message's parts, as views that are made once. */
interface Place {
  readonly name: Uint8Array
  readonly nameWord: number
  readonly buffer: Uint8Array
}

/** @internal */
export class ReceiveBatch {
  private readonly memory = ForeignMemory.allocate(TOTAL_BYTES)
  private readonly words = new Uint32Array(
    this.memory.bytes.buffer,
    this.memory.bytes.byteOffset,
    BUFFERS / 4
  )
  private readonly places: ReadonlyArray<Place>
  private roomBytes = 0

  constructor() {
    const { bytes } = this.memory
    this.places = Array.from({ length: RECEIVE_BATCH }, (_, index) => {
      const name = NAMES + index * NAME_BYTES
      const buffer = BUFFERS + index * BUFFER_STRIDE
      this.link(index, name, buffer)
      return {
        name: bytes.subarray(name, name + NAME_ROOM),
        nameWord: name / 4,
        buffer: bytes.subarray(buffer, buffer + BUFFER_BYTES)
      }
    })
  }

  /** Of the first message. */
  get address(): number {
    return this.memory.address
  }

  /** Makes room for `maxBytes` of each datagram. */
  makeRoom(maxBytes: number): void {
    const room = Math.min(maxBytes, LARGEST_DATAGRAM_BYTES)
    if (room === this.roomBytes) return
    this.roomBytes = room
    for (let index = 0; index < RECEIVE_BATCH; index++) this.words[IOVEC_LENGTH + index * IOVEC_WORDS] = room
  }

  /** What the call has received: so many datagrams, in memory of their own. */
  take(count: number, addresses: SockaddrCache, unknown: SocketAddress): ReadonlyArray<Datagram> {
    const { places, words } = this
    const datagrams: Array<Datagram> = []
    for (let index = 0; index < count; index++) {
      const place = places[index]
      if (place === undefined) break
      const header = index * HEADER_WORDS
      datagrams.push({
        bytes: copyOut(place.buffer, words[header + LENGTH] ?? 0),
        address: addresses.decode(words, place.nameWord, place.name) ?? unknown,
        isTruncated: ((words[header + FLAGS] ?? 0) & C.MSG_TRUNC) !== 0
      })
      // The call has put the address's own length there.
      words[header + NAME_LENGTH] = NAME_ROOM
    }
    return datagrams
  }

  free(): void {
    this.memory.free()
  }

  /** Makes a message name its parts. */
  private link(index: number, name: number, buffer: number): void {
    const { address, view } = this.memory
    const header = index * MmsghdrLayout.size
    const iovec = IOVECS + index * IovecLayout.size
    const point = (at: number, target: number) => view.setBigUint64(at, BigInt(address + target), true)
    point(header + MsghdrLayout.name, name)
    view.setUint32(header + MsghdrLayout.nameLength, NAME_ROOM, true)
    point(header + MsghdrLayout.iov, iovec)
    view.setBigUint64(header + MsghdrLayout.iovLength, 1n, true)
    point(iovec + IovecLayout.base, buffer)
  }
}
