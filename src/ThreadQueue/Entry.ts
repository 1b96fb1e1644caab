/**
 * What goes through a queue: a key, a number and bytes, as a completion packet has a key, a number and a buffer.
 *
 * @since 0.1.0
 */
import { invalidArgument, NetworkError } from "../Errors/index.js"
import { isWord, notAWord } from "../Foreign/Word.js"
import { HEADER_BYTES, spaceOf } from "./Ring.js"

/**
 * What was taken out of a queue.
 *
 * @since 0.1.0
 * @category models
 */
export interface Entry {
  /** 64 bits, for whatever tells entries apart. */
  readonly key: bigint
  /** 32 bits. */
  readonly value: number
  /** Memory of its own, the taker's to keep. Empty if none were given. */
  readonly bytes: Uint8Array
}

/**
 * What is put into a queue. The bytes are copied.
 *
 * @since 0.1.0
 * @category models
 */
export interface NewEntry {
  /** Up to 64 bits, not negative. 0 if left out. */
  readonly key?: number | bigint | undefined
  /** Up to 32 bits, not negative. 0 if left out. */
  readonly value?: number | undefined
  /** As many as fit into the sender's room at once: `maxBytes` of the sender. None if left out. */
  readonly bytes?: Uint8Array | undefined
}

const noBytes = new Uint8Array(0)

/**
 * The entry with nothing left out, or what is wrong with it.
 *
 * @internal
 */
export const completed = (
  operation: string,
  { bytes = noBytes, key = 0, value = 0 }: NewEntry,
  capacity: number
): Entry | NetworkError => {
  if (!isWord(key, 64)) return notAWord(operation, "key", 64)
  if (!isWord(value, 32)) return notAWord(operation, "value", 32)
  if (!(bytes instanceof Uint8Array)) return invalidArgument(operation, "bytes have to be a Uint8Array")
  if (spaceOf(bytes.length) <= capacity) return { key: BigInt(key), value, bytes }
  const advice = `an entry has ${capacity - HEADER_BYTES} bytes at most here; give the queue a larger capacityBytes`
  return new NetworkError({ operation, reason: "TooLong", advice })
}
