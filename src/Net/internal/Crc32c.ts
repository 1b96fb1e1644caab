/**
 * CRC-32C, the checksum with Castagnoli's polynomial (RFC 3720, section 12.1, and appendix B.4 for examples).
 *
 * @since 0.1.0
 */

/** The polynomial 0x1EDC6F41 with its bits in reverse, as the bytes are read lowest bit first. */
const POLYNOMIAL = 0x82f6_3b78

const remainderOf = (byte: number): number => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ ((remainder & 1) === 0 ? 0 : POLYNOMIAL)
  return remainder >>> 0
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => remainderOf(byte))

/**
 * The checksum of the bytes, 0 to 2^32 - 1.
 *
 * @internal
 */
export const crc32c = (bytes: Uint8Array): number => {
  let crc = 0xffff_ffff
  for (const byte of bytes) crc = (crc >>> 8) ^ (table[(crc ^ byte) & 0xff] ?? 0)
  return (crc ^ 0xffff_ffff) >>> 0
}
