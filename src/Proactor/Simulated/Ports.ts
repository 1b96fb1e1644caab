/**
 * Addresses and ports of one host: who holds which, and who listens or receives there.
 *
 * IPv4 and IPv6 share one table, because an IPv6 socket serves IPv4 as well. Addresses are kept as they are on the
 * wire: `::ffff:10.0.0.1` is `10.0.0.1` here.
 *
 * @since 0.1.0
 */
import { type AddressFamily, type SocketAddress, unsafeMake } from "../../Address/index.js"
import { fromParts, isLoopback } from "../../Address/SocketAddress.js"
import type { SocketErrorReason } from "../../Errors/index.js"

const FIRST_EPHEMERAL_PORT = 49_152
const LAST_PORT = 65_535

const MAPPED = "::ffff:"
const ANY_IPV4 = "0.0.0.0"
const ANY_IPV6 = "::"

/** An address without its IPv6 clothes. @internal */
export const onWire = (host: string): string =>
  host.startsWith(MAPPED) && host.includes(".") ? host.slice(MAPPED.length) : host

/** @internal */
export const isIPv6 = (host: string): boolean => host.includes(":")

/** An address as a socket of that family sees it. @internal */
export const seenBy = (family: AddressFamily, host: string, port: number): SocketAddress =>
  fromParts(family, family === "IPv6" && !isIPv6(host) ? MAPPED + host : host, port, 0)

/** An address as it is on the wire, of the family that its text says. @internal */
export const wireAddress = (host: string, port: number): SocketAddress =>
  fromParts(isIPv6(host) ? "IPv6" : "IPv4", host, port, 0)

/** The text of an address in its canonical form; throws the typed error if it is none. @internal */
export const canonical = (host: string): string => onWire(unsafeMake(host, 0).host)

const isAny = (host: string): boolean => host === ANY_IPV4 || host === ANY_IPV6

/** Who may have a port besides. @internal */
export interface BindingOptions {
  /** Of `::`, whether it stands for the addresses of IPv6 alone. */
  readonly isIPv6Only?: boolean
  /** Whether others may have the same, if they say so too. */
  readonly isShared?: boolean
}

/** A port that somebody holds, at one address or at all of them. `Holder`: who is there. @internal */
export interface Binding<Holder> extends Required<BindingOptions> {
  readonly host: string
  readonly port: number
  /** Who listens or receives there, if somebody does. */
  holder: Holder | undefined
}

/** Whether a binding stands for an address. */
const covers = (bound: Binding<unknown>, host: string): boolean => {
  if (bound.host === host) return true
  if (bound.host === ANY_IPV6) return !bound.isIPv6Only || isIPv6(host)
  return bound.host === ANY_IPV4 && !isIPv6(host)
}

const overlaps = (one: Binding<unknown>, other: Binding<unknown>): boolean =>
  covers(one, other.host) || covers(other, one.host)

/** @internal */
export class Ports<Holder> {
  readonly addresses: ReadonlyArray<string>
  private readonly bindings = new Map<number, Array<Binding<Holder>>>()
  private nextEphemeral = FIRST_EPHEMERAL_PORT

  constructor(addresses: ReadonlyArray<string>) {
    this.addresses = addresses
  }

  /** Whether packets to that address come to this host, from this host. */
  isOwn(host: string): boolean {
    return isAny(host) || isLoopback(host) || this.addresses.includes(host)
  }

  bind(
    host: string,
    port: number,
    { isIPv6Only = false, isShared = false }: BindingOptions = {}
  ): Binding<Holder> | SocketErrorReason {
    if (!this.isOwn(host)) return "AddressNotAvailable"
    const wanted: Binding<Holder> = { host, port, isIPv6Only, isShared, holder: undefined }
    const binding = port === 0 ? this.ephemeral(wanted) : wanted
    if (binding === undefined || !this.isFree(binding)) return "AddressInUse"
    const others = this.bindings.get(binding.port)
    if (others === undefined) this.bindings.set(binding.port, [binding])
    else others.push(binding)
    return binding
  }

  release(binding: Binding<Holder>): void {
    const left = (this.bindings.get(binding.port) ?? []).filter((other) => other !== binding)
    if (left.length === 0) this.bindings.delete(binding.port)
    else this.bindings.set(binding.port, left)
  }

  /** Who is there: those at that very address before those at all of them. */
  holdersAt(host: string, port: number): ReadonlyArray<Holder> {
    const there = (this.bindings.get(port) ?? []).filter((binding) => covers(binding, host))
    const exactly = there.filter((binding) => binding.host === host)
    const others = there.filter((binding) => binding.host !== host)
    return [...exactly, ...others].flatMap(({ holder }) => (holder === undefined ? [] : [holder]))
  }

  /** Who is there at all addresses of a version of IP: what is sent to many, they hear. */
  holdersAtAny(isOfIPv6: boolean, port: number): ReadonlyArray<Holder> {
    return (this.bindings.get(port) ?? []).flatMap((binding) => {
      const isCovered = isAny(binding.host) && covers(binding, isOfIPv6 ? ANY_IPV6 : ANY_IPV4)
      return isCovered && binding.holder !== undefined ? [binding.holder] : []
    })
  }

  /** From which address this host speaks to that one. */
  sourceFor(host: string): string | undefined {
    if (this.isOwn(host)) return host
    return this.addresses.find((address) => isIPv6(address) === isIPv6(host))
  }

  private isFree(wanted: Binding<Holder>): boolean {
    return (this.bindings.get(wanted.port) ?? []).every(
      (binding) => (binding.isShared && wanted.isShared) || !overlaps(binding, wanted)
    )
  }

  private ephemeral(wanted: Binding<Holder>): Binding<Holder> | undefined {
    for (let tries = FIRST_EPHEMERAL_PORT; tries <= LAST_PORT; tries++) {
      const port = this.nextEphemeral
      this.nextEphemeral = port === LAST_PORT ? FIRST_EPHEMERAL_PORT : port + 1
      const binding = { ...wanted, port }
      // One that is shared is shared by those who ask for it, and not by chance.
      if (!this.bindings.has(port) || this.isFree({ ...binding, isShared: false })) return binding
    }
    return undefined
  }
}

/** Connecting to all addresses means connecting to this host. @internal */
export const destination = (host: string): string => {
  if (host === ANY_IPV4) return "127.0.0.1"
  return host === ANY_IPV6 ? "::1" : host
}
