import * as fc from "fast-check"
import { parseIp, type SocketAddress, unsafeMake } from "../../src/Address/index.js"

export const anyIPv4: fc.Arbitrary<Uint8Array> = fc.uint8Array({ minLength: 4, maxLength: 4 })

export const anyIPv6: fc.Arbitrary<Uint8Array> = fc.uint8Array({ minLength: 16, maxLength: 16 })

/** Mostly zeros, so that `::` has something to do; IPv4-mapped at times. */
export const sparseIPv6: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 0xffff })), {
      minLength: 8,
      maxLength: 8
    }),
    fc.boolean()
  )
  .map(([groups, isMapped]) => {
    const mapped = isMapped ? [0, 0, 0, 0, 0, 0xffff, ...groups.slice(6)] : groups
    return Uint8Array.from(mapped.flatMap((group) => [group >> 8, group & 0xff]))
  })

export const anyPort: fc.Arbitrary<number> = fc.integer({ min: 0, max: 65_535 })

export const anyScope: fc.Arbitrary<number> = fc.oneof(
  fc.constant(0),
  fc.nat({ max: 300 }),
  fc.integer({ min: 0, max: 0xffff_ffff })
)

const dotted = (bytes: Uint8Array): string => bytes.join(".")

const grouped = (bytes: Uint8Array): string =>
  Array.from({ length: 8 }, (_, group) =>
    (((bytes[2 * group] ?? 0) << 8) | (bytes[2 * group + 1] ?? 0)).toString(16)
  ).join(":")

/** Addresses of both families, with and without a scope. */
export const anySocketAddress: fc.Arbitrary<SocketAddress> = fc.oneof(
  fc.tuple(anyIPv4, anyPort).map(([bytes, port]) => unsafeMake(dotted(bytes), port)),
  fc
    .tuple(fc.oneof(anyIPv6, sparseIPv6), anyPort, anyScope)
    .map(([bytes, port, scope]) => unsafeMake(`${grouped(bytes)}%${scope}`, port))
)

/** Pieces of addresses in any order: nearly an address, and sometimes one. */
const pieces = fc
  .array(
    fc.constantFrom(
      "0",
      "1",
      "01",
      "255",
      "256",
      "ffff",
      "FFFF",
      "10000",
      "g",
      ".",
      ":",
      "::",
      "1.2.3.4",
      "%1",
      " "
    ),
    { maxLength: 17 }
  )
  .map((parts) => parts.join(""))

/** Groups with colons between, one perhaps empty: IPv6 as often as not. */
const groups = fc
  .array(fc.constantFrom("0", "1", "a", "00ab", "FFFF", "", "1.2.3.4"), { minLength: 6, maxLength: 9 })
  .map((parts) => parts.join(":"))

const parts = fc
  .array(fc.constantFrom("0", "1", "10", "255", "256", "00", ""), { minLength: 3, maxLength: 5 })
  .map((numbers) => numbers.join("."))

/** Any text, with a bent for what looks like an address. */
export const anyAddressText: fc.Arbitrary<string> = fc.oneof(
  fc.string(),
  fc.fullUnicodeString(),
  pieces,
  groups,
  parts,
  fc.ipV4(),
  fc.ipV6()
)

/** The sixteen or four bytes of an address that is one. */
export const bytesOf = (host: string): Uint8Array => {
  const bytes = parseIp(host)
  if (bytes._tag === "None") throw new Error(`not an address: ${host}`)
  return bytes.value
}
