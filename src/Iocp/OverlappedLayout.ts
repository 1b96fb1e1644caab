/**
 * The x64 layout of OVERLAPPED, and of the rest of the block that this library puts one at the head of.
 *
 * ```
 * OVERLAPPED     0 Internal (8)  8 InternalHigh (8)  16 Offset (4)  20 OffsetHigh (4)  24 hEvent (8)
 * behind it     32 flags (4)  36 length of the address (4)  40 WSABUF: length (4), gap (4), pointer (8)
 *               56 address (128): a sender's sockaddr, or what AcceptEx writes
 * ```
 *
 * The system writes to `flags` and to both address fields when the operation ends, long after the call that
 * started it returned; that is why they live in the same block.
 *
 * Pure: tested on every platform.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import { invalidArgument, type NetworkError } from "../Errors/index.js"
import { SIZEOF_OVERLAPPED, SIZEOF_SOCKADDR_STORAGE, SIZEOF_WSABUF } from "./Constants.js"

/** @internal */
export const FLAGS_AT = SIZEOF_OVERLAPPED
/** @internal */
export const ADDRESS_LENGTH_AT = 36
/** @internal */
export const WSABUF_AT = 40
/** @internal */
export const ADDRESS_AT = WSABUF_AT + SIZEOF_WSABUF
/** @internal */
export const BLOCK_BYTES = ADDRESS_AT + SIZEOF_SOCKADDR_STORAGE

/**
 * The fields of an OVERLAPPED.
 *
 * @since 0.1.0
 * @category models
 */
export interface OverlappedFields {
  /** The operation's NTSTATUS; `STATUS_PENDING` (0x103) while it is in flight. 64 bits. */
  readonly internal: bigint
  /** How many bytes were transferred. 64 bits. */
  readonly internalHigh: bigint
  /** The lower half of the position in a file. 32 bits. */
  readonly offset: number
  /** The upper half of the position in a file. 32 bits. */
  readonly offsetHigh: number
  /** An event to set at the end, or 0; with its lowest bit set, no packet is queued. 64 bits. */
  readonly hEvent: bigint
}

/**
 * How many bytes an OVERLAPPED has on x64.
 *
 * @since 0.1.0
 * @category overlapped
 */
export const OVERLAPPED_BYTES = SIZEOF_OVERLAPPED

/**
 * `pack-overlapped`: the 32 bytes of an OVERLAPPED. Fields that are left out are 0; of a number that is too
 * large for its field, the lowest bits are stored, as a C assignment would.
 *
 * @since 0.1.0
 * @category overlapped
 */
export const packOverlapped = (fields: Partial<OverlappedFields> = {}): Uint8Array => {
  const bytes = new Uint8Array(SIZEOF_OVERLAPPED)
  const view = new DataView(bytes.buffer)
  view.setBigUint64(0, fields.internal ?? 0n, true)
  view.setBigUint64(8, fields.internalHigh ?? 0n, true)
  view.setUint32(16, fields.offset ?? 0, true)
  view.setUint32(20, fields.offsetHigh ?? 0, true)
  view.setBigUint64(24, fields.hEvent ?? 0n, true)
  return bytes
}

/**
 * `unpack-overlapped`: the fields in the first 32 bytes. Fewer bytes are an `InvalidArgument`.
 *
 * @since 0.1.0
 * @category overlapped
 */
export const unpackOverlapped = (bytes: Uint8Array): Either.Either<OverlappedFields, NetworkError> => {
  if (bytes.byteLength < SIZEOF_OVERLAPPED) {
    const advice = `an OVERLAPPED has ${SIZEOF_OVERLAPPED} bytes, these are ${bytes.byteLength}`
    return Either.left(invalidArgument("unpackOverlapped", advice))
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, SIZEOF_OVERLAPPED)
  return Either.right({
    internal: view.getBigUint64(0, true),
    internalHigh: view.getBigUint64(8, true),
    offset: view.getUint32(16, true),
    offsetHigh: view.getUint32(20, true),
    hEvent: view.getBigUint64(24, true)
  })
}
