/**
 * From a host and a port to the addresses to try, as a service.
 *
 * What happens to a host, in order:
 *
 * 1. What no system should see is refused: no text, NUL, more than 253 characters, a port out of range.
 * 2. An IP address, IPv6 also in brackets, is the answer itself. Nobody is asked.
 * 3. What looks like an address and is none is refused too: `127.1`, `0x7f000001` and `2130706433` are loopback
 *    to some systems and names to others, and a program that checked the text must not be surprised by it.
 * 4. The rest is looked up. The system's resolver answers for names (its hosts file, its domain name servers,
 *    whatever else it is set up to ask). For zones by name (`fe80::1%eth0`) the proactor asks the system for the
 *    interface's number; `layerSystem`, which has none, finds the interfaces that have a link-local address.
 *
 * The system's resolver is `getaddrinfo` on a thread of Node's pool: it does not hold up the main thread, and it
 * cannot be stopped. Interrupting a resolution ends it at once for the program; the answer, when it comes,
 * is dropped. Nothing is cached: the system does that, and knows when to forget.
 *
 * @since 0.1.0
 */
import { lookup } from "node:dns"
import { networkInterfaces } from "node:os"
import { domainToASCII } from "node:url"
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { adviceOnHost, adviceOnPort, formatHostPort, quote } from "../Address/HostPort.js"
import { parseLiteral, withoutBrackets, zoneNumber } from "../Address/Literal.js"
import { type AddressFamily, Equivalence, make, type SocketAddress } from "../Address/SocketAddress.js"
import {
  fromResolver,
  invalidArgument,
  NetworkError,
  type NetworkErrorReason,
  type SocketError,
  socketError
} from "../Errors/index.js"
import { Proactor } from "../Proactor/Proactor.js"

/**
 * The addresses of a host, in the order to try them in. There is at least one.
 *
 * @since 0.1.0
 * @category models
 */
export type Addresses = Arr.NonEmptyReadonlyArray<SocketAddress>

/**
 * What the service does.
 *
 * @since 0.1.0
 * @category models
 */
export interface ResolverService {
  /** The addresses of `host`, each with `port`; with `family`, only those of that version of IP. */
  readonly resolve: (
    host: string,
    port: number,
    family?: AddressFamily | undefined
  ) => Effect.Effect<Addresses, NetworkError>
}

/**
 * What is asked of a source of names.
 *
 * @since 0.1.0
 * @category models
 */
export interface LookupQuery {
  /** A name in ASCII, or an IPv6 address whose zone is a name. Never an address as it stands. */
  readonly host: string
  /** The port of the addresses to be; not needed to answer. */
  readonly port: number
  /** The wanted version of IP; an answer may have others, which are left out. */
  readonly family: AddressFamily | undefined
}

/**
 * A source of names: answers with IP addresses in text, in the order to try them in. No addresses means that
 * the host does not exist.
 *
 * @since 0.1.0
 * @category models
 */
export type Lookup = (query: LookupQuery) => Effect.Effect<ReadonlyArray<string>, NetworkError>

const OPERATION = "resolve"
const SYSCALL = "getaddrinfo"

const failure = (reason: NetworkErrorReason, address: string, advice: string): NetworkError =>
  new NetworkError({ reason, operation: OPERATION, address, advice })

/** The name as the domain name system writes it; empty if it cannot be written so. */
const toAscii = (host: string): string => (/^[ -~]*$/.test(host) ? host : domainToASCII(host))

/** Whether the last part of a name is a number: no such domain exists, but some systems read an address in it. */
const endsInNumber = (name: string): boolean => /(^|\.)([0-9]+|0x[0-9a-f]*)\.?$/i.test(name)

/** What is wrong with a host that is no address, once in ASCII; `undefined` if it can be looked up. */
const adviceOnName = (host: string, ascii: string): string | undefined => {
  if (/[:[\]]/.test(host)) {
    return `${quote(host)} is not an IPv6 address, and a name has no colon; the port is an argument of its own`
  }
  if (ascii === "" || adviceOnHost(ascii) !== undefined) return `${quote(host)} is not a host name`
  if (!endsInNumber(ascii)) return undefined
  return `${quote(host)} is not an IPv4 address, and no name ends in a number; write four decimal parts`
}

/** The answer as socket addresses: the wanted ones, each once. */
const toAddresses = (
  answer: ReadonlyArray<string>,
  { family, host, port }: LookupQuery
): Effect.Effect<Addresses, NetworkError> => {
  const asked = formatHostPort(host, port)
  const [unread, addresses] = Arr.separate(answer.map((text) => make(text, port)))
  if (unread[0] !== undefined) {
    const advice = `The answer has something that is not an IP address: ${unread[0].advice}`
    return Effect.fail(failure("ResolverFailed", asked, advice))
  }
  const wanted = addresses.filter((address) => family === undefined || address.family === family)
  const unique = Arr.dedupeWith(wanted, Equivalence)
  if (Arr.isNonEmptyReadonlyArray(unique)) return Effect.succeed(unique)
  const advice = family === undefined ? "The host has no address" : `The host has no ${family} address`
  return Effect.fail(failure("HostNotFound", asked, advice))
}

/**
 * The service over a source of names: what is no name never reaches the source.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromLookup = (source: Lookup): ResolverService => ({
  resolve: (host, port, family) =>
    Effect.suspend(() => {
      const advice = adviceOnHost(host) ?? adviceOnPort(port)
      if (advice !== undefined) return Effect.fail(invalidArgument(OPERATION, advice))
      const literal = parseLiteral(host)
      if (literal !== undefined && zoneNumber(literal.zone) !== undefined) {
        return toAddresses([host], { host, port, family })
      }
      const name = literal === undefined ? toAscii(host) : withoutBrackets(host)
      const nameAdvice = literal === undefined ? adviceOnName(host, name) : undefined
      if (nameAdvice !== undefined) {
        return Effect.fail(invalidArgument(OPERATION, nameAdvice, formatHostPort(host, port)))
      }
      const query = { host: name, port, family }
      return Effect.flatMap(source(query), (answer) => toAddresses(answer, query))
    })
})

const FAMILY_OF_NODE = { IPv4: 4, IPv6: 6 } as const

/** Asks `getaddrinfo`. */
const lookupName: Lookup = ({ family, host, port }) =>
  Effect.async((resume) => {
    const address = formatHostPort(host, port)
    const fail = (cause: unknown) =>
      resume(Effect.fail(fromResolver(cause, { operation: OPERATION, syscall: SYSCALL, address })))
    const options = {
      all: true,
      verbatim: true,
      family: family === undefined ? 0 : FAMILY_OF_NODE[family]
    } as const
    try {
      lookup(host, options, (cause, answer) =>
        cause === null ? resume(Effect.succeed(answer.map((entry) => entry.address))) : fail(cause)
      )
    } catch (cause) {
      // A Node that denies the network to this program says so by throwing.
      fail(cause)
    }
  })

/** What is known of an interface: the part of Node's list that zones need. */
type Interfaces = Readonly<
  Record<string, ReadonlyArray<{ readonly scopeid?: number | undefined }> | undefined>
>

/**
 * The number of an interface, by its name: the scope of its link-local address.
 *
 * @internal
 */
export const interfaceNumber = (name: string, interfaces: Interfaces): number | undefined => {
  if (!Object.hasOwn(interfaces, name)) return undefined
  return interfaces[name]?.find(({ scopeid }) => scopeid !== undefined && scopeid > 0)?.scopeid
}

/** What knows the number of an interface by its name. */
type InterfaceIndex = (name: string) => Effect.Effect<number, SocketError>

/** A host whose zone is none. */
const zoneNotFound = (address: string, { advice, code, codeName, syscall }: SocketError): NetworkError =>
  new NetworkError({ reason: "HostNotFound", operation: OPERATION, address, advice, code, codeName, syscall })

/**
 * A source that asks `interfaceIndex` for zones by name, and another source for everything else.
 *
 * @internal
 */
export const withZones =
  (interfaceIndex: InterfaceIndex, names: Lookup): Lookup =>
  (query) => {
    const literal = parseLiteral(query.host)
    if (literal === undefined) return names(query)
    const { host, zone } = literal
    return Effect.mapBoth(interfaceIndex(zone), {
      onSuccess: (index) => [`${host}%${index}`],
      onFailure: (error) => zoneNotFound(formatHostPort(query.host, query.port), error)
    })
  }

/** Finds an interface that has a link-local address. */
const linkLocalIndex: InterfaceIndex = (name) =>
  Effect.gen(function* () {
    const interfaces = yield* Effect.try({
      try: () => networkInterfaces(),
      catch: (cause) => fromResolver(cause, { operation: OPERATION, syscall: "getifaddrs" })
    })
    const index = interfaceNumber(name, interfaces)
    if (index !== undefined) return index
    const known = Object.keys(interfaces).join(", ")
    const advice = `No interface ${quote(name)} has a link-local IPv6 address; there are: ${known}`
    return yield* Effect.fail(socketError("AddressNotAvailable", { operation: OPERATION, advice }))
  })

/**
 * The system's own source of names. Its order is kept: the system sorts by what it can reach. Zones by name are found where
 * the interface has a link-local address; `Resolver.layerProactor` finds all of them.
 *
 * @since 0.1.0
 * @category lookups
 */
export const systemLookup: Lookup = withZones(linkLocalIndex, lookupName)

/**
 * A source that knows the given names and no others: for tests and simulated networks. Case does not matter.
 *
 * @since 0.1.0
 * @category lookups
 */
export const tableLookup = (table: Readonly<Record<string, ReadonlyArray<string>>>): Lookup => {
  const byName = new Map(Object.entries(table).map(([name, answer]) => [name.toLowerCase(), answer]))
  return ({ host }) => Effect.sync(() => byName.get(host.toLowerCase()) ?? [])
}

/**
 * The service that finds the addresses of hosts.
 *
 * @example
 * import { Resolver } from "effect-iocp/Net"
 * import * as Effect from "effect/Effect"
 *
 * const program = Resolver.resolve("localhost", 80).pipe(Effect.provide(Resolver.layerSystem))
 *
 * @since 0.1.0
 * @category services
 */
export class Resolver extends Context.Tag("effect-iocp/Net/Resolver")<Resolver, ResolverService>() {
  /**
   * The addresses of `host`, each with `port`; with `family`, only those of that version of IP. Fails with a
   * `NetworkError`: `InvalidArgument`, `HostNotFound`, or `ResolverFailed` where asking again may help.
   */
  static readonly resolve = (
    host: string,
    port: number,
    family?: AddressFamily | undefined
  ): Effect.Effect<Addresses, NetworkError, Resolver> =>
    Effect.flatMap(Resolver, (resolver) => resolver.resolve(host, port, family))

  /** The service over a source of names. */
  static readonly layer = (source: Lookup): Layer.Layer<Resolver> =>
    Layer.succeed(Resolver, fromLookup(source))

  /** The service over the system's resolver. */
  static readonly layerSystem: Layer.Layer<Resolver> = Layer.succeed(Resolver, fromLookup(systemLookup))

  /** The service over the system's resolver, and a proactor for zones by name (`fe80::1%lo`). */
  static readonly layerProactor: Layer.Layer<Resolver, never, Proactor> = Layer.effect(
    Resolver,
    Effect.map(Proactor, (proactor) =>
      fromLookup(withZones((name) => proactor.interfaceIndex(name), lookupName))
    )
  )
}
