/**
 * Bindings of ws2_32.dll, and of the extension functions that its provider hands out by GUID.
 *
 * Names, argument order and results are those of the Windows headers. A socket is a number, -1 for
 * INVALID_SOCKET. Structures that the system only reads or writes during the call are passed as `Uint8Array`
 * (`null` for none); memory that it uses later - OVERLAPPED, WSABUF targets, `flags` and `from` of a receive,
 * AcceptEx's output - is passed by address, and the caller keeps it until the operation retires. A failure's
 * reason is `WSAGetLastError()`, right only when it is read at once after the call.
 *
 * Nothing is loaded before `winsock()` is called for the first time, which is possible on Windows only:
 * callers ask `isSupported` of `Kernel32.ts` first.
 *
 * @since 0.1.0
 */
import { koffi, lazily } from "../Foreign/Koffi.js"
import * as C from "./Constants.js"

type Bytes = Uint8Array | null

/** @internal */
export interface Winsock {
  readonly WSAStartup: (version: number, data: Uint8Array) => number
  readonly WSACleanup: () => number
  readonly WSAGetLastError: () => number
  /** `protocolInfo` and `group` are left out: no protocol chosen by hand, no group. */
  readonly WSASocketW: (family: number, type: number, protocol: number, flags: number) => number
  readonly bind: (socket: number, name: Uint8Array, nameLength: number) => number
  /** Never waits for UDP, whose peer it sets; for TCP there is ConnectEx. */
  readonly connect: (socket: number, name: Uint8Array, nameLength: number) => number
  readonly listen: (socket: number, backlog: number) => number
  readonly closesocket: (socket: number) => number
  readonly shutdown: (socket: number, how: number) => number
  /** `length` is an int in memory order, room in and size out. */
  readonly getsockname: (socket: number, name: Uint8Array, length: Uint8Array) => number
  readonly getpeername: (socket: number, name: Uint8Array, length: Uint8Array) => number
  readonly setsockopt: (socket: number, level: number, option: number, value: Bytes, length: number) => number
  readonly getsockopt: (
    socket: number,
    level: number,
    option: number,
    value: Uint8Array,
    length: Uint8Array
  ) => number
  readonly ioctlsocket: (socket: number, command: number, argument: Uint8Array) => number
  /** Without OVERLAPPED and completion routine. `returned` is a DWORD in memory order. */
  readonly WSAIoctl: (
    socket: number,
    code: number,
    input: Bytes,
    inputLength: number,
    output: Bytes,
    outputLength: number,
    returned: Uint8Array
  ) => number
  /**
   * `buffers`: address of `count` WSABUFs, read during the call. `flags`: address of a DWORD, kept. `transferred`:
   * address of a DWORD for how many bytes a success at once has moved, written during the call; without it, only the
   * packet tells.
   */
  readonly WSARecv: (
    socket: number,
    buffers: number,
    count: number,
    flags: number,
    overlapped: number,
    transferred?: number
  ) => number
  readonly WSASend: (
    socket: number,
    buffers: number,
    count: number,
    flags: number,
    overlapped: number,
    transferred?: number
  ) => number
  /** `from` and `fromLength`: addresses of the room for the sender's sockaddr and of its int length, kept. */
  readonly WSARecvFrom: (
    socket: number,
    buffers: number,
    count: number,
    flags: number,
    from: number,
    fromLength: number,
    overlapped: number
  ) => number
  readonly WSASendTo: (
    socket: number,
    buffers: number,
    count: number,
    flags: number,
    to: Bytes,
    toLength: number,
    overlapped: number
  ) => number
  /** A BOOL: 0 for failure. `output`: address, kept. */
  readonly AcceptEx: (
    listener: number,
    accepted: number,
    output: number,
    receiveLength: number,
    localLength: number,
    remoteLength: number,
    overlapped: number
  ) => number
  /** A BOOL: 0 for failure. `buffer`: address of what to send at once, kept; 0 for nothing. */
  readonly ConnectEx: (
    socket: number,
    name: Uint8Array,
    nameLength: number,
    buffer: number,
    bufferLength: number,
    overlapped: number
  ) => number
  /** A BOOL: 0 for failure. From where the OVERLAPPED says; without bytes before and after the file's. */
  readonly TransmitFile: (socket: number, file: number, length: number, overlapped: number) => number
  /** Writes two pointers and two int lengths, in memory order, into what AcceptEx put at `output`. */
  readonly GetAcceptExSockaddrs: (
    output: number,
    receiveLength: number,
    localLength: number,
    remoteLength: number,
    localPointer: Uint8Array,
    localSize: Uint8Array,
    remotePointer: Uint8Array,
    remoteSize: Uint8Array
  ) => void
}

const makeBase = () => {
  const library = koffi().load("ws2_32.dll")
  const bind = <F>(name: string, result: string, parameters: ReadonlyArray<string>): F =>
    library.func("__stdcall", name, result, [...parameters]) as unknown as F
  type Transfer = (
    s: number,
    b: number,
    n: number,
    zero: number,
    flags: number,
    o: number,
    r: number
  ) => number
  type SendTransfer = Transfer
  type RecvFrom = (
    ...args: [
      s: number,
      b: number,
      n: number,
      z: number,
      fl: number,
      f: number,
      l: number,
      o: number,
      r: number
    ]
  ) => number
  type SendTo = (
    ...args: [
      s: number,
      b: number,
      n: number,
      z: number,
      fl: number,
      t: Bytes,
      l: number,
      o: number,
      r: number
    ]
  ) => number
  type SocketW = (f: number, t: number, p: number, info: null, group: number, flags: number) => number
  type Ioctl = (
    ...args: [
      s: number,
      c: number,
      i: Bytes,
      il: number,
      o: Bytes,
      ol: number,
      r: Uint8Array,
      ov: number,
      cr: number
    ]
  ) => number
  const word = "uintptr_t"
  const dword = "uint32_t"
  const socketW = bind<SocketW>("WSASocketW", "intptr_t", ["int", "int", "int", "void *", dword, dword])
  const recv = bind<Transfer>("WSARecv", "int", [word, word, dword, word, word, word, word])
  const send = bind<SendTransfer>("WSASend", "int", [word, word, dword, word, dword, word, word])
  const recvFrom = bind<RecvFrom>("WSARecvFrom", "int", [
    word,
    word,
    dword,
    word,
    word,
    word,
    word,
    word,
    word
  ])
  const sendTo = bind<SendTo>("WSASendTo", "int", [
    word,
    word,
    dword,
    word,
    dword,
    "void *",
    "int",
    word,
    word
  ])
  const ioctl = bind<Ioctl>("WSAIoctl", "int", [
    word,
    dword,
    "void *",
    dword,
    "void *",
    dword,
    "void *",
    word,
    word
  ])
  const names = [word, "void *", "void *"]
  return {
    WSAStartup: bind<Winsock["WSAStartup"]>("WSAStartup", "int", ["uint16_t", "void *"]),
    WSACleanup: bind<Winsock["WSACleanup"]>("WSACleanup", "int", []),
    WSAGetLastError: bind<Winsock["WSAGetLastError"]>("WSAGetLastError", "int", []),
    WSASocketW: ((family, type, protocol, flags) =>
      socketW(family, type, protocol, null, 0, flags)) satisfies Winsock["WSASocketW"],
    bind: bind<Winsock["bind"]>("bind", "int", [word, "void *", "int"]),
    connect: bind<Winsock["connect"]>("connect", "int", [word, "void *", "int"]),
    listen: bind<Winsock["listen"]>("listen", "int", [word, "int"]),
    closesocket: bind<Winsock["closesocket"]>("closesocket", "int", [word]),
    shutdown: bind<Winsock["shutdown"]>("shutdown", "int", [word, "int"]),
    getsockname: bind<Winsock["getsockname"]>("getsockname", "int", names),
    getpeername: bind<Winsock["getpeername"]>("getpeername", "int", names),
    setsockopt: bind<Winsock["setsockopt"]>("setsockopt", "int", [word, "int", "int", "void *", "int"]),
    getsockopt: bind<Winsock["getsockopt"]>("getsockopt", "int", [word, "int", "int", "void *", "void *"]),
    ioctlsocket: bind<Winsock["ioctlsocket"]>("ioctlsocket", "int", [word, dword, "void *"]),
    WSAIoctl: ((socket, code, input, inputLength, output, outputLength, returned) =>
      ioctl(
        socket,
        code,
        input,
        inputLength,
        output,
        outputLength,
        returned,
        0,
        0
      )) satisfies Winsock["WSAIoctl"],
    WSARecv: ((socket, buffers, count, flags, overlapped, transferred = 0) =>
      recv(socket, buffers, count, transferred, flags, overlapped, 0)) satisfies Winsock["WSARecv"],
    WSASend: ((socket, buffers, count, flags, overlapped, transferred = 0) =>
      send(socket, buffers, count, transferred, flags, overlapped, 0)) satisfies Winsock["WSASend"],
    // The count of bytes is left out (NULL): with an OVERLAPPED it is the packet's to tell.
    WSARecvFrom: ((socket, buffers, count, flags, from, fromLength, overlapped) =>
      recvFrom(
        socket,
        buffers,
        count,
        0,
        flags,
        from,
        fromLength,
        overlapped,
        0
      )) satisfies Winsock["WSARecvFrom"],
    WSASendTo: ((socket, buffers, count, flags, to, toLength, overlapped) =>
      sendTo(socket, buffers, count, 0, flags, to, toLength, overlapped, 0)) satisfies Winsock["WSASendTo"]
  }
}

type Base = ReturnType<typeof makeBase>

/** Looks an extension function up, on a socket made for that: every provider may have its own. */
const extensionPointer = (base: Base, socket: number, guid: Uint8Array): bigint => {
  const pointer = Buffer.alloc(8)
  const code = C.SIO_GET_EXTENSION_FUNCTION_POINTER
  const result = base.WSAIoctl(socket, code, guid, guid.byteLength, pointer, 8, Buffer.alloc(4))
  if (result !== 0) throw new Error(`WSAIoctl found no extension function: WSA ${base.WSAGetLastError()}`)
  return pointer.readBigUInt64LE()
}

/** Prototypes without a name, so that a second load in one process does not clash with the first. */
const makeExtensions = (base: Base) => {
  const socket = base.WSASocketW(C.AF_INET, C.SOCK_STREAM, C.IPPROTO_TCP, C.WSA_FLAG_NO_HANDLE_INHERIT)
  if (socket === C.INVALID_SOCKET) throw new Error(`WSASocketW failed: WSA ${base.WSAGetLastError()}`)
  const decode = <F>(guid: Uint8Array, result: string, parameters: ReadonlyArray<string>): F => {
    const type = koffi().proto("__stdcall", result, [...parameters])
    return koffi().decode(extensionPointer(base, socket, guid), type) as unknown as F
  }
  type Accept = (
    l: number,
    a: number,
    o: number,
    r: number,
    ll: number,
    rl: number,
    n: number,
    ov: number
  ) => number
  type Transmit = (s: number, f: number, n: number, piece: 0, o: number, buffers: 0, flags: 0) => number
  type Connect = (
    s: number,
    n: Uint8Array,
    nl: number,
    b: number,
    bl: number,
    sent: number,
    ov: number
  ) => number
  const word = "uintptr_t"
  const dword = "uint32_t"
  try {
    const accept = decode<Accept>(C.WSAID_ACCEPTEX, "int", [
      word,
      word,
      word,
      dword,
      dword,
      dword,
      word,
      word
    ])
    const connect = decode<Connect>(C.WSAID_CONNECTEX, "int", [
      word,
      "void *",
      "int",
      word,
      dword,
      word,
      word
    ])
    const transmit = decode<Transmit>(C.WSAID_TRANSMITFILE, "int", [
      word,
      word,
      dword,
      dword,
      word,
      word,
      dword
    ])
    return {
      TransmitFile: ((socket_, file, length, overlapped) =>
        transmit(socket_, file, length, 0, overlapped, 0, 0)) satisfies Winsock["TransmitFile"],
      AcceptEx: ((listener, accepted, output, receiveLength, localLength, remoteLength, overlapped) =>
        accept(
          listener,
          accepted,
          output,
          receiveLength,
          localLength,
          remoteLength,
          0,
          overlapped
        )) satisfies Winsock["AcceptEx"],
      ConnectEx: ((socket_, name, nameLength, buffer, bufferLength, overlapped) =>
        connect(
          socket_,
          name,
          nameLength,
          buffer,
          bufferLength,
          0,
          overlapped
        )) satisfies Winsock["ConnectEx"],
      GetAcceptExSockaddrs: decode<Winsock["GetAcceptExSockaddrs"]>(C.WSAID_GETACCEPTEXSOCKADDRS, "void", [
        word,
        dword,
        dword,
        dword,
        "void *",
        "void *",
        "void *",
        "void *"
      ])
    }
  } finally {
    base.closesocket(socket)
  }
}

/**
 * The bindings, with Winsock started. It is never cleaned up: the process's exit does that, and a count of
 * users would buy nothing, since libuv holds a reference for as long as the process runs.
 *
 * @internal
 */
export const winsock: () => Winsock = lazily(() => {
  const base = makeBase()
  const code = base.WSAStartup(0x0202, Buffer.alloc(512))
  if (code !== 0) throw new Error(`WSAStartup failed: WSA ${code}`)
  return { ...base, ...makeExtensions(base) }
})
