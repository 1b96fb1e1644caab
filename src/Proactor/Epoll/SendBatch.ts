/**
 * What one `sendmmsg` sends: an array of `struct mmsghdr` in foreign memory, and for each message its `iovec`, the
 * receiver's address, and its bytes, one after the other:
 *
 *     mmsghdr mmsghdr ...  iovec iovec ...  name name ...  bytes bytes bytes
 *
 * One serves all sockets of a proactor: the call returns at once, and the system keeps nothing of it.
 *
 * @since 0.1.0
 */
import { IovecLayout, MmsghdrLayout, MsghdrLayout } from "../../Epoll/Libc.js"
import { ForeignMemory } from "../../Foreign/Memory.js"
import { isWhole, type OutgoingDatagram } from "../Datagram.js"
import type { SockaddrCache } from "../SockaddrCache.js"

/** So many datagrams leave with one call at most, with so many bytes together. */
const SEND_BATCH = 32
const BYTES = 128 * 1024

const NAME_BYTES = 32
const TWO_TO_32 = 0x1_0000_0000

const IOVECS = SEND_BATCH * MmsghdrLayout.size
const NAMES = IOVECS + SEND_BATCH * IovecLayout.size
const FIRST_BYTE = NAMES + SEND_BATCH * NAME_BYTES
const TOTAL_BYTES = FIRST_BYTE + BYTES

const HEADER_WORDS = MmsghdrLayout.size / 4
const NAME = MsghdrLayout.name / 4
const NAME_LENGTH = MsghdrLayout.nameLength / 4
const IOVEC_WORDS = IovecLayout.size / 4

/** @internal */
export class SendBatch {
  private readonly memory = ForeignMemory.allocate(TOTAL_BYTES)
  private readonly bytes = this.memory.bytes
  private readonly words = new Uint32Array(this.bytes.buffer, this.bytes.byteOffset, FIRST_BYTE / 4)

  constructor() {
    const { address, view } = this.memory
    for (let index = 0; index < SEND_BATCH; index++) {
      const header = index * MmsghdrLayout.size
      const iovec = BigInt(address + IOVECS + index * IovecLayout.size)
      view.setBigUint64(header + MsghdrLayout.iov, iovec, true)
      view.setBigUint64(header + MsghdrLayout.iovLength, 1n, true)
    }
  }

  /** Of the first message. */
  get address(): number {
    return this.memory.address
  }

  /**
   * Puts in what can leave together: datagrams from `offset` on. Answers how many; it stops before one that is too large,
   * or that cannot be sent as it is.
   */
  fill(datagrams: ReadonlyArray<OutgoingDatagram>, offset: number, addresses: SockaddrCache): number {
    let at = FIRST_BYTE
    let count = 0
    while (count < SEND_BATCH) {
      const datagram = datagrams[offset + count]
      if (datagram === undefined || at + datagram.byteLength > TOTAL_BYTES || !isWhole(datagram)) break
      const name = datagram.address === undefined ? undefined : addresses.encode(datagram.address)
      if (name !== undefined && !(name instanceof Uint8Array)) break
      this.bytes.set(datagram.bytes, at)
      this.describe(count, name, at, datagram.bytes.length)
      at += datagram.bytes.length
      count += 1
    }
    return count
  }

  free(): void {
    this.memory.free()
  }

  private describe(index: number, name: Uint8Array | undefined, at: number, length: number): void {
    const { words } = this
    const header = index * HEADER_WORDS
    const nameAt = NAMES + index * NAME_BYTES
    if (name !== undefined) this.bytes.set(name, nameAt)
    this.point(header + NAME, name === undefined ? 0 : this.memory.address + nameAt)
    words[header + NAME_LENGTH] = name?.length ?? 0
    const iovec = IOVECS / 4 + index * IOVEC_WORDS
    this.point(iovec, this.memory.address + at)
    words[iovec + IovecLayout.length / 4] = length
  }

  /** Writes a 64-bit address in two halves: much cheaper than as one bigint. */
  private point(word: number, address: number): void {
    this.words[word] = address % TWO_TO_32
    this.words[word + 1] = Math.floor(address / TWO_TO_32)
  }
}
