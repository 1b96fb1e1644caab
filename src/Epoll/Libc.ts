/**
 * The C library of Linux, as far as sockets and epoll need it. Nothing is loaded before `libc()` is called.
 *
 * Every binding is a plain synchronous call, made only on descriptors that are non-blocking (or with a timeout
 * of 0), so none of them waits. A call that fails returns -1 and leaves the reason in `errno()`, which is right
 * only when it is read before anything else runs.
 *
 * Memory: a `Uint8Array` argument is passed as its own address, offset included, and is used only for the length
 * of the call. The `...At` twins take an address of foreign memory instead; whoever passes it keeps it allocated.
 *
 * @since 0.1.0
 */
import { koffi, lazily } from "../Foreign/Koffi.js"

/** Bytes that a call reads or writes before it returns. */
type Bytes = Uint8Array | Int32Array | Uint32Array

/**
 * The bound functions, under their C names. Results are those of the manual pages: -1 means "see `errno()`".
 *
 * @internal
 */
export interface Libc {
  readonly epoll_create1: (flags: number) => number
  /** `event`: the address of a `struct epoll_event` in foreign memory; 0 for `EPOLL_CTL_DEL`. */
  readonly epoll_ctl: (epfd: number, op: number, fd: number, event: number) => number
  /** `events`: the address of an array of `struct epoll_event` in foreign memory. */
  readonly epoll_wait: (epfd: number, events: number, maxevents: number, timeoutMillis: number) => number
  /** `fds`: an array of `struct pollfd`. */
  readonly poll: (fds: Int32Array, count: number, timeoutMillis: number) => number
  readonly eventfd: (initial: number, flags: number) => number

  readonly read: (fd: number, buffer: Bytes, length: number) => number
  readonly readAt: (fd: number, address: number, length: number) => number
  readonly write: (fd: number, buffer: Bytes, length: number) => number
  readonly writeAt: (fd: number, address: number, length: number) => number
  /** From one descriptor to another. `offset`: 8 bytes, where in the file to begin, and then where it ended. */
  readonly sendfile: (to: number, from: number, offset: Bytes, length: number) => number
  /** `iov`: the address of an array of `struct iovec` in foreign memory. */
  readonly writev: (fd: number, iov: number, count: number) => number
  readonly close: (fd: number) => number
  /** `fds`: two integers to fill: the reading end, the writing end. */
  readonly pipe2: (fds: Int32Array, flags: number) => number
  readonly fcntl: (fd: number, command: number, argument: number) => number

  readonly inotify_init1: (flags: number) => number
  /** `path`: as UTF-8. */
  readonly inotify_add_watch: (fd: number, path: string, mask: number) => number

  readonly socket: (family: number, kind: number, protocol: number) => number
  readonly socketpair: (family: number, kind: number, protocol: number, fds: Int32Array) => number
  readonly bind: (fd: number, address: Uint8Array, length: number) => number
  readonly listen: (fd: number, backlog: number) => number
  /** `length`: one integer, the room in `address` before the call and the size of the address after it. */
  readonly accept4: (fd: number, address: Uint8Array | null, length: Bytes | null, flags: number) => number
  readonly connect: (fd: number, address: Uint8Array, length: number) => number
  readonly shutdown: (fd: number, how: number) => number

  readonly recv: (fd: number, buffer: Uint8Array, length: number, flags: number) => number
  readonly recvAt: (fd: number, address: number, length: number, flags: number) => number
  readonly send: (fd: number, buffer: Uint8Array, length: number, flags: number) => number
  readonly sendAt: (fd: number, address: number, length: number, flags: number) => number
  readonly recvfrom: (
    fd: number,
    buffer: Uint8Array,
    length: number,
    flags: number,
    address: Uint8Array | null,
    addressLength: Bytes | null
  ) => number
  readonly sendto: (
    fd: number,
    buffer: Uint8Array,
    length: number,
    flags: number,
    address: Uint8Array | null,
    addressLength: number
  ) => number
  /** `message`: the address of a `struct msghdr` in foreign memory. */
  readonly recvmsg: (fd: number, message: number, flags: number) => number
  readonly sendmsg: (fd: number, message: number, flags: number) => number
  /** `messages`: the address of an array of `struct mmsghdr` in foreign memory. `timeout`: 0, there is none. */
  readonly recvmmsg: (fd: number, messages: number, count: number, flags: number, timeout: number) => number
  readonly sendmmsg: (fd: number, messages: number, count: number, flags: number) => number

  readonly getsockname: (fd: number, address: Uint8Array, length: Bytes) => number
  readonly getpeername: (fd: number, address: Uint8Array, length: Bytes) => number
  readonly getsockopt: (fd: number, level: number, name: number, value: Bytes, length: Bytes) => number
  readonly setsockopt: (fd: number, level: number, name: number, value: Bytes, length: number) => number
  /** The index of the interface of that name; 0 means "see `errno()`". */
  readonly if_nametoindex: (name: string) => number

  /**
   * Where bytes are. For the arguments of the very next call, and for 64 bytes and more: smaller arrays can lie within
   * JavaScript's heap, where they are moved.
   */
  readonly addressOf: (bytes: Uint8Array) => number

  /** The calling thread, as the kernel knows it. */
  readonly gettid: () => number
  /** `signal` 0 sends none, and only asks whether the thread is there. */
  readonly tgkill: (process: number, thread: number, signal: number) => number

  /** The calling thread's last error. Read it at once after the call that failed. */
  readonly errno: () => number
}

/**
 * Whether this is a Linux whose numbers and structures `Constants.ts` and this file describe.
 *
 * @internal
 */
export const isSupported =
  process.platform === "linux" && (process.arch === "x64" || process.arch === "arm64")

/**
 * Where the fields of `struct epoll_event` are. The kernel packs it on x86_64, and on no other architecture.
 *
 * @internal
 */
export const EpollEventLayout = {
  size: process.arch === "x64" ? 12 : 16,
  events: 0,
  data: process.arch === "x64" ? 4 : 8
} as const

/** Of the calls that not every C library has, as the kernel numbers them. */
const SyscallNumbers = process.arch === "x64" ? { gettid: 186, tgkill: 234 } : { gettid: 178, tgkill: 131 }

/**
 * Sizes of the other structures, the same on every 64-bit Linux.
 *
 * @internal
 */
export const IovecLayout = { size: 16, base: 0, length: 8 } as const

/** @internal */
export const MsghdrLayout = {
  size: 56,
  name: 0,
  nameLength: 8,
  iov: 16,
  iovLength: 24,
  control: 32,
  controlLength: 40,
  flags: 48
} as const

/** `struct mmsghdr`: a `struct msghdr`, and how many bytes the message has. @internal */
export const MmsghdrLayout = { size: 64, message: 0, length: 56 } as const

/**
 * Where the fields of `struct inotify_event` are. The name comes after it, padded with zeros to `nameLength` bytes.
 *
 * @internal
 */
export const InotifyEventLayout = { size: 16, mask: 4, cookie: 8, nameLength: 12 } as const

/**
 * Room for any socket address: `sizeof(struct sockaddr_storage)`.
 *
 * @internal
 */
export const SOCKADDR_STORAGE_BYTES = 128

const muslName = `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`

const loadLibc = () => {
  try {
    return koffi().load("libc.so.6")
  } catch (failure) {
    try {
      return koffi().load(muslName)
    } catch {
      // The first failure names the library that most systems have.
      throw failure
    }
  }
}

const bindLibc = (): Libc => {
  const lib = loadLibc()
  // The interface above is the promise; this is the one place where it is taken at its word.
  const bind = <F>(name: string, result: string, parameters: ReadonlyArray<string>): F =>
    lib.func(name, result, [...parameters]) as unknown as F
  // Variadic in C; with integer arguments the calling convention is that of a plain function.
  const syscall = bind<(...words: ReadonlyArray<number>) => number>("syscall", "long", Array(4).fill("long"))
  return {
    epoll_create1: bind("epoll_create1", "int", ["int"]),
    epoll_ctl: bind("epoll_ctl", "int", ["int", "int", "int", "uintptr_t"]),
    epoll_wait: bind("epoll_wait", "int", ["int", "uintptr_t", "int", "int"]),
    poll: bind("poll", "int", ["void *", "ulong", "int"]),
    eventfd: bind("eventfd", "int", ["uint", "int"]),

    read: bind("read", "intptr_t", ["int", "void *", "size_t"]),
    readAt: bind("read", "intptr_t", ["int", "uintptr_t", "size_t"]),
    write: bind("write", "intptr_t", ["int", "const void *", "size_t"]),
    writeAt: bind("write", "intptr_t", ["int", "uintptr_t", "size_t"]),
    sendfile: bind("sendfile", "intptr_t", ["int", "int", "void *", "size_t"]),
    writev: bind("writev", "intptr_t", ["int", "uintptr_t", "int"]),
    close: bind("close", "int", ["int"]),
    pipe2: bind("pipe2", "int", ["void *", "int"]),
    // Variadic in C; with one integer argument the calling convention is that of a plain function.
    fcntl: bind("fcntl", "int", ["int", "int", "long"]),

    inotify_init1: bind("inotify_init1", "int", ["int"]),
    inotify_add_watch: bind("inotify_add_watch", "int", ["int", "const char *", "uint"]),

    socket: bind("socket", "int", ["int", "int", "int"]),
    socketpair: bind("socketpair", "int", ["int", "int", "int", "void *"]),
    bind: bind("bind", "int", ["int", "const void *", "uint"]),
    listen: bind("listen", "int", ["int", "int"]),
    accept4: bind("accept4", "int", ["int", "void *", "void *", "int"]),
    connect: bind("connect", "int", ["int", "const void *", "uint"]),
    shutdown: bind("shutdown", "int", ["int", "int"]),

    recv: bind("recv", "intptr_t", ["int", "void *", "size_t", "int"]),
    recvAt: bind("recv", "intptr_t", ["int", "uintptr_t", "size_t", "int"]),
    send: bind("send", "intptr_t", ["int", "const void *", "size_t", "int"]),
    sendAt: bind("send", "intptr_t", ["int", "uintptr_t", "size_t", "int"]),
    recvfrom: bind("recvfrom", "intptr_t", ["int", "void *", "size_t", "int", "void *", "void *"]),
    sendto: bind("sendto", "intptr_t", ["int", "const void *", "size_t", "int", "const void *", "uint"]),
    recvmsg: bind("recvmsg", "intptr_t", ["int", "uintptr_t", "int"]),
    sendmsg: bind("sendmsg", "intptr_t", ["int", "uintptr_t", "int"]),
    recvmmsg: bind("recvmmsg", "int", ["int", "uintptr_t", "uint", "int", "uintptr_t"]),
    sendmmsg: bind("sendmmsg", "int", ["int", "uintptr_t", "uint", "int"]),

    getsockname: bind("getsockname", "int", ["int", "void *", "void *"]),
    getpeername: bind("getpeername", "int", ["int", "void *", "void *"]),
    getsockopt: bind("getsockopt", "int", ["int", "int", "int", "void *", "void *"]),
    setsockopt: bind("setsockopt", "int", ["int", "int", "int", "const void *", "uint"]),
    if_nametoindex: bind("if_nametoindex", "uint", ["const char *"]),

    addressOf: bindAddressOf(),
    // By their numbers: not every C library has them by their names.
    gettid: () => syscall(SyscallNumbers.gettid, 0, 0, 0),
    tgkill: (process, thread, signal) => syscall(SyscallNumbers.tgkill, process, thread, signal),

    errno: bindErrno()
  }
}

const bindAddressOf = (): ((bytes: Uint8Array) => number) => {
  const lib = koffi()
  return (bytes) => Number(lib.address(bytes))
}

const bindErrno = (): (() => number) => {
  const lib = koffi()
  return () => lib.errno()
}

/**
 * The bindings; loads the C library on the first call, and throws where there is none.
 *
 * @internal
 */
export const libc: () => Libc = lazily(bindLibc)
