/**
 * What fails, and the typed errors that tell of it.
 *
 * Faults are drawn from the lists of reasons that the errors themselves are made of, so a reason that is new there
 * can be injected here. A failure says what Linux would: the call, the code and its name, where there is one.
 *
 * @since 0.1.0
 */
import {
  connectionErrorReasons,
  errnoName,
  fromErrno,
  networkErrorReasons,
  type SocketError,
  type SocketErrorReason,
  socketError
} from "../../Errors/index.js"
import type { FaultKind, FaultRates, FaultTable } from "./Options.js"
import type { Random } from "./Random.js"

const allReasons: ReadonlyArray<SocketErrorReason> = [...connectionErrorReasons, ...networkErrorReasons]

/** The code that says it best, where several codes have the same reason. */
const usualCodes: { readonly [Reason in SocketErrorReason]?: number } = {
  Reset: 104,
  Aborted: 103,
  TimedOut: 110,
  Unreachable: 113,
  ResourceExhausted: 24,
  InvalidArgument: 22,
  InvalidHandle: 9,
  Unsupported: 95,
  PermissionDenied: 13,
  Cancelled: 125,
  NetworkDown: 100,
  TooLong: 90,
  NotConnected: 107
}

/** Reasons that this library finds by itself, without a system call. */
const isWithoutCode = (reason: SocketErrorReason): boolean =>
  reason === "Closed" || reason === "InvalidData" || reason === "HostNotFound" || reason === "ResolverFailed"

const LARGEST_ERRNO = 133
const codes = new Map<SocketErrorReason, number | undefined>()

const firstCode = (reason: SocketErrorReason): number | undefined => {
  for (let code = 1; code <= LARGEST_ERRNO; code++) {
    if (fromErrno(code, { operation: "", syscall: "" }).reason === reason) return code
  }
  return undefined
}

/** The errno that has this reason, if one has. */
const codeOf = (reason: SocketErrorReason): number | undefined => {
  if (isWithoutCode(reason)) return undefined
  if (!codes.has(reason)) codes.set(reason, usualCodes[reason] ?? firstCode(reason))
  return codes.get(reason)
}

const syscalls: { readonly [Operation in string]?: string } = {
  socket: "socket",
  bind: "bind",
  listen: "listen",
  connect: "connect",
  accept: "accept4",
  receive: "recv",
  send: "send",
  receivefrom: "recvmmsg",
  sendto: "sendto",
  joinGroup: "setsockopt",
  leaveGroup: "setsockopt",
  setOption: "setsockopt",
  shutdown: "shutdown",
  localAddress: "getsockname",
  remoteAddress: "getpeername",
  resolve: "getaddrinfo"
}

/** @internal */
export const failure = (operation: string, reason: SocketErrorReason, address?: string): SocketError => {
  const code = codeOf(reason)
  const codeName = code === undefined ? undefined : errnoName(code)
  return socketError(reason, { operation, syscall: syscalls[operation], code, codeName, address })
}

interface Planned {
  readonly kind: FaultKind
  readonly reason: SocketErrorReason
  readonly host: string | undefined
}

/** @internal */
export class Faults {
  private readonly random: Random
  private readonly table: FaultTable
  private planned: Array<Planned> = []

  constructor(random: Random, table: FaultTable) {
    this.random = random
    this.table = table
  }

  /** The next one of that kind, of that host's if one is named, fails so. Several calls plan several failures. */
  plan(kind: FaultKind, reason: SocketErrorReason, host: string | undefined): void {
    this.planned.push({ kind, reason, host })
  }

  /** Whether this one is to fail, and how. */
  draw(kind: FaultKind, host: string): SocketErrorReason | undefined {
    if (this.planned.length > 0) {
      const planned = this.takePlanned(kind, host)
      if (planned !== undefined) return planned
    }
    const rates = this.table[kind]
    return rates === undefined ? undefined : this.drawFrom(rates)
  }

  private takePlanned(kind: FaultKind, host: string): SocketErrorReason | undefined {
    const at = this.planned.findIndex(
      (fault) => fault.kind === kind && (fault.host === undefined || fault.host === host)
    )
    return at < 0 ? undefined : this.planned.splice(at, 1)[0]?.reason
  }

  private drawFrom(rates: FaultRates): SocketErrorReason | undefined {
    let left = this.random.next()
    for (const reason of allReasons) {
      left -= rates[reason] ?? 0
      if (left < 0) return reason
    }
    left -= rates.any ?? 0
    return left < 0 ? allReasons[this.random.below(allReasons.length)] : undefined
  }
}
