/**
 * A network namespace of Linux for the process of a test file: nothing but a loopback interface, which nobody else has. What
 * is sent there to everybody reaches this process and the programs that it starts.
 *
 * A namespace belongs to a thread. This moves the main one: where JavaScript runs, where sockets are made, and whose
 * namespace the programs get that are started from there. It stays moved, so a file that does it has a process of its own.
 */
import { createRequire } from "node:module"
import type * as Koffi from "koffi"
import { unlessRequired } from "./absence.js"

const CLONE_NEWNET = 0x4000_0000
const AF_INET = 2
const AF_INET6 = 10
const SOCK_DGRAM = 2
const SIOCADDRT = 0x890b
const SIOCSIFFLAGS = 0x8914
const RTF_UP = 0x1
/** Other routes by the loopback interface are made to lead nowhere. */
const RTF_LOCAL = 0x8000_0000
/** The first interface of a namespace is its loopback. */
const LOOPBACK_INDEX = 1
const IFF_UP = 0x1
const IFF_MULTICAST = 0x1000

interface Calls {
  readonly unshare: (flags: number) => number
  readonly socket: (family: number, kind: number, protocol: number) => number
  readonly ioctl: (fd: number, request: number, argument: Uint8Array) => number
  readonly close: (fd: number) => number
}

const calls = (): Calls => {
  const koffi = createRequire(import.meta.url)("koffi") as typeof Koffi
  const libc = koffi.load("libc.so.6")
  const bind = <F>(name: string, parameters: ReadonlyArray<string>): F =>
    libc.func(name, "int", [...parameters]) as unknown as F
  return {
    unshare: bind("unshare", ["int"]),
    socket: bind("socket", ["int", "int", "int"]),
    ioctl: bind("ioctl", ["int", "ulong", "void *"]),
    close: bind("close", ["int"])
  }
}

/** `struct ifreq`: a name of 16 bytes, and the flags. */
const loopbackUp = (): Uint8Array => {
  const request = Buffer.alloc(40)
  request.write("lo")
  request.writeInt16LE(IFF_UP | IFF_MULTICAST, 16)
  return request
}

/** `struct in6_rtmsg`: to ff00::/8 by the loopback interface. IPv4 needs no route there. */
const routeToGroups = (): Uint8Array => {
  const message = Buffer.alloc(80)
  message[0] = 0xff
  message.writeUInt16LE(8, 52)
  message.writeUInt32LE(1, 56)
  message.writeUInt32LE((RTF_LOCAL | RTF_UP) >>> 0, 72)
  message.writeInt32LE(LOOPBACK_INDEX, 76)
  return message
}

let entered: string | undefined | false = false

/** Moves there, the first time. Answers why that cannot be; `undefined`: it could. To be called on Linux. */
export const enterNamespace = (): string | undefined => {
  if (entered !== false) return entered
  entered = unlessRequired("namespaces", enter())
  return entered
}

const enter = (): string | undefined => {
  const { close, ioctl, socket, unshare } = calls()
  if (unshare(CLONE_NEWNET) !== 0) return "this user may make no network namespace"
  const isDone = (family: number, request: number, argument: Uint8Array): boolean => {
    const fd = socket(family, SOCK_DGRAM, 0)
    const result = ioctl(fd, request, argument)
    close(fd)
    return result === 0
  }
  if (!isDone(AF_INET, SIOCSIFFLAGS, loopbackUp())) {
    throw new Error("the loopback interface of the namespace did not come up")
  }
  if (!isDone(AF_INET6, SIOCADDRT, routeToGroups()))
    throw new Error("the namespace got no route to groups of IPv6")
  return undefined
}
