/**
 * Bindings of kernel32.dll: the calls on completion ports, on files and on named pipes.
 *
 * Names, argument order and results are those of the Windows headers. Handles, addresses and keys travel as
 * numbers (`uintptr_t`); where a value may need all 64 bits, a bigint is accepted too. A `BOOL` is a number,
 * 0 for failure, and the reason is `GetLastError()`, right only when it is read at once after the call. What the
 * system reads or writes during the call only is passed as a string or a `Uint8Array` (`null` for none), and what it
 * uses later by address.
 *
 * Nothing is loaded before `kernel32()` is called for the first time, which is possible on Windows only:
 * callers ask `isSupported` first.
 *
 * @since 0.1.0
 */
import type { KoffiFunc } from "koffi"
import { koffi, lazily } from "../Foreign/Koffi.js"
import { CURRENT_PROCESS, DUPLICATE_SAME_ACCESS } from "./Constants.js"

/**
 * A 64-bit value on its way to the system: a number where it is below 2^53, or a bigint.
 *
 * @internal
 */
export type Word = number | bigint

/** @internal */
export interface Kernel32 {
  /** Makes a port (`file` -1, `port` 0) or associates `file` with `port`. The port's handle, 0 on failure. */
  readonly CreateIoCompletionPort: (file: number, port: number, key: Word, threads: number) => number
  /** One packet. `bytes`, `key` and `overlapped` are addresses to write a DWORD and two 64-bit values to. */
  readonly GetQueuedCompletionStatus: (
    port: number,
    bytes: number,
    key: number,
    overlapped: number,
    milliseconds: number
  ) => number
  /**
   * Up to `count` packets into the OVERLAPPED_ENTRYs at `entries`; how many is written to the ULONG at
   * `removed`.
   */
  readonly GetQueuedCompletionStatusEx: (
    port: number,
    entries: number,
    count: number,
    removed: number,
    milliseconds: number,
    alertable: number
  ) => number
  /**
   * The same on a thread of libuv's pool. `done` runs on the main thread with the BOOL and, where that is 0,
   * the code of GetLastError. Throws, without calling `done`, when too many such calls are outstanding.
   */
  readonly GetQueuedCompletionStatusExAsync: (
    port: number,
    entries: number,
    count: number,
    removed: number,
    milliseconds: number,
    done: (ok: number, code: number) => void
  ) => void
  readonly PostQueuedCompletionStatus: (port: number, bytes: number, key: Word, overlapped: Word) => number
  readonly SetFileCompletionNotificationModes: (file: number, flags: number) => number
  /** `overlapped` 0 cancels every operation that this process has on `file`. */
  readonly CancelIoEx: (file: number, overlapped: number) => number
  readonly CloseHandle: (handle: number) => number
  /** What the system says of a file by its path, into a WIN32_FIND_DATAW. A handle of a search, -1 on failure. */
  readonly FindFirstFileW: (path: string, data: Uint8Array) => number
  readonly FindClose: (search: number) => number
  /** `target`: the room for one 64-bit handle. */
  readonly DuplicateHandle: (
    sourceProcess: number,
    source: number,
    targetProcess: number,
    target: BigUint64Array,
    access: number,
    inherit: number,
    options: number
  ) => number
  readonly GetCurrentThreadId: () => number
  /** The thread's handle, 0 on failure. */
  readonly OpenThread: (access: number, inherit: number, thread: number) => number
  /** Waits until what the handle is of is signalled: a thread that has ended. */
  readonly WaitForSingleObject: (handle: number, milliseconds: number) => number
  readonly GetLastError: () => number
  /** -1 on failure. Without security attributes and template. */
  readonly CreateFileW: (
    path: string,
    access: number,
    share: number,
    disposition: number,
    flags: number
  ) => number
  /** The same on a thread of libuv's pool; `done` gets the code of GetLastError with a handle of -1. */
  readonly CreateFileWAsync: (
    path: string,
    access: number,
    share: number,
    disposition: number,
    flags: number,
    done: (handle: number, code: number) => void
  ) => void
  /** `transferred`: address of a DWORD for how many bytes a success at once has moved, written during the call. */
  readonly ReadFile: (
    file: number,
    buffer: number,
    length: number,
    transferred: number,
    overlapped: number
  ) => number
  readonly WriteFile: Kernel32["ReadFile"]
  /** -1 on failure. Without a default timeout. `security`: SECURITY_ATTRIBUTES. */
  readonly CreateNamedPipeW: (
    name: string,
    openMode: number,
    pipeMode: number,
    maxInstances: number,
    outBufferBytes: number,
    inBufferBytes: number,
    security: Uint8Array | null
  ) => number
  readonly ConnectNamedPipe: (pipe: number, overlapped: number) => number
  readonly DisconnectNamedPipe: (pipe: number) => number
  /** Only the mode, a DWORD in memory order. */
  readonly SetNamedPipeHandleState: (pipe: number, mode: Uint8Array) => number
  /** Writes a DWORD. */
  readonly GetNamedPipeClientProcessId: (pipe: number, processId: Uint8Array) => number
  readonly GetNamedPipeServerProcessId: (pipe: number, processId: Uint8Array) => number
  /** Copies memory that the system has allocated. */
  readonly RtlMoveMemory: (to: number, from: Word, length: number) => void
  /** Frees what the system has allocated so; 0 for success. */
  readonly LocalFree: (memory: Word) => number
}

type WaitEx = KoffiFunc<Kernel32["GetQueuedCompletionStatusEx"]>
type CreateFile = KoffiFunc<
  (
    path: string,
    access: number,
    share: number,
    security: 0,
    how: number,
    flags: number,
    template: 0
  ) => number
>
type CreateNamedPipe = (
  ...args: [
    name: string,
    openMode: number,
    pipeMode: number,
    most: number,
    out: number,
    into: number,
    timeout: 0,
    security: Uint8Array | null
  ]
) => number
type SetState = (pipe: number, mode: Uint8Array, count: null, timeout: null) => number

/**
 * Whether this platform has kernel32.
 *
 * @internal
 */
export const isSupported: boolean = process.platform === "win32"

type Bind = <F>(name: string, result: string, parameters: ReadonlyArray<string>) => F

const makeFileCalls = (bind: Bind, lastError: Kernel32["GetLastError"]) => {
  const dword = "uint32_t"
  const word = "uintptr_t"
  const createFile = bind<CreateFile>("CreateFileW", "intptr_t", [
    "str16",
    dword,
    dword,
    word,
    dword,
    dword,
    word
  ])
  const transfer = [word, word, dword, word, word]
  return {
    CreateFileW: ((path, access, share, disposition, flags) =>
      createFile(path, access, share, 0, disposition, flags, 0)) satisfies Kernel32["CreateFileW"],
    CreateFileWAsync: ((path, access, share, disposition, flags, done) => {
      createFile.async(path, access, share, 0, disposition, flags, 0, (_error: unknown, handle: number) => {
        done(handle, handle === -1 ? lastError() : 0)
      })
    }) satisfies Kernel32["CreateFileWAsync"],
    ReadFile: bind<Kernel32["ReadFile"]>("ReadFile", "int", transfer),
    WriteFile: bind<Kernel32["WriteFile"]>("WriteFile", "int", transfer)
  }
}

const makePipeCalls = (bind: Bind) => {
  const dword = "uint32_t"
  const word = "uintptr_t"
  const parameters = ["str16", dword, dword, dword, dword, dword, dword, "void *"]
  const create = bind<CreateNamedPipe>("CreateNamedPipeW", "intptr_t", parameters)
  const setState = bind<SetState>("SetNamedPipeHandleState", "int", [word, "void *", "void *", "void *"])
  const ask = [word, "void *"]
  return {
    CreateNamedPipeW: ((name, openMode, pipeMode, most, out, into, security) =>
      create(name, openMode, pipeMode, most, out, into, 0, security)) satisfies Kernel32["CreateNamedPipeW"],
    ConnectNamedPipe: bind<Kernel32["ConnectNamedPipe"]>("ConnectNamedPipe", "int", [word, word]),
    DisconnectNamedPipe: bind<Kernel32["DisconnectNamedPipe"]>("DisconnectNamedPipe", "int", [word]),
    SetNamedPipeHandleState: ((pipe, mode) =>
      setState(pipe, mode, null, null)) satisfies Kernel32["SetNamedPipeHandleState"],
    GetNamedPipeClientProcessId: bind<Kernel32["GetNamedPipeClientProcessId"]>(
      "GetNamedPipeClientProcessId",
      "int",
      ask
    ),
    GetNamedPipeServerProcessId: bind<Kernel32["GetNamedPipeServerProcessId"]>(
      "GetNamedPipeServerProcessId",
      "int",
      ask
    )
  }
}

/** @internal */
export const kernel32: () => Kernel32 = lazily(() => {
  const library = koffi().load("kernel32.dll")
  const bind: Bind = <F>(name: string, result: string, parameters: ReadonlyArray<string>): F =>
    library.func("__stdcall", name, result, [...parameters]) as unknown as F
  const GetLastError = bind<Kernel32["GetLastError"]>("GetLastError", "uint32_t", [])
  const waitEx = bind<WaitEx>("GetQueuedCompletionStatusEx", "int", [
    "uintptr_t",
    "uintptr_t",
    "uint32_t",
    "uintptr_t",
    "uint32_t",
    "int"
  ])
  return {
    GetLastError,
    CreateIoCompletionPort: bind("CreateIoCompletionPort", "uintptr_t", [
      "intptr_t",
      "uintptr_t",
      "uintptr_t",
      "uint32_t"
    ]),
    GetQueuedCompletionStatus: bind("GetQueuedCompletionStatus", "int", [
      "uintptr_t",
      "uintptr_t",
      "uintptr_t",
      "uintptr_t",
      "uint32_t"
    ]),
    GetQueuedCompletionStatusEx: waitEx,
    GetQueuedCompletionStatusExAsync: (port, entries, count, removed, milliseconds, done) =>
      waitEx.async(port, entries, count, removed, milliseconds, 0, (_error: unknown, ok: number) => {
        // The call's last error is the thread's own; it is here only while this callback runs.
        done(ok, ok === 0 ? GetLastError() : 0)
      }),
    PostQueuedCompletionStatus: bind("PostQueuedCompletionStatus", "int", [
      "uintptr_t",
      "uint32_t",
      "uintptr_t",
      "uintptr_t"
    ]),
    SetFileCompletionNotificationModes: bind("SetFileCompletionNotificationModes", "int", [
      "uintptr_t",
      "uint8_t"
    ]),
    CancelIoEx: bind("CancelIoEx", "int", ["uintptr_t", "uintptr_t"]),
    CloseHandle: bind("CloseHandle", "int", ["uintptr_t"]),
    FindFirstFileW: bind("FindFirstFileW", "intptr_t", ["str16", "void *"]),
    FindClose: bind("FindClose", "int", ["intptr_t"]),
    ...makeFileCalls(bind, GetLastError),
    ...makePipeCalls(bind),
    RtlMoveMemory: bind("RtlMoveMemory", "void", ["uintptr_t", "uintptr_t", "uintptr_t"]),
    LocalFree: bind("LocalFree", "uintptr_t", ["uintptr_t"]),
    DuplicateHandle: bind("DuplicateHandle", "int", [
      "intptr_t",
      "uintptr_t",
      "intptr_t",
      "void *",
      "uint32_t",
      "int",
      "uint32_t"
    ]),
    GetCurrentThreadId: bind("GetCurrentThreadId", "uint32_t", []),
    OpenThread: bind("OpenThread", "uintptr_t", ["uint32_t", "int", "uint32_t"]),
    WaitForSingleObject: bind("WaitForSingleObject", "uint32_t", ["uintptr_t", "uint32_t"])
  }
})

/**
 * Queues a packet; answers 0, or the code of `GetLastError`.
 *
 * @internal
 */
export const enqueue = (port: number, bytes: number, key: Word, overlapped: Word): number => {
  const { GetLastError, PostQueuedCompletionStatus } = kernel32()
  return PostQueuedCompletionStatus(port, bytes, key, overlapped) !== 0 ? 0 : GetLastError()
}

/**
 * Another handle of what this one is of, not inherited; `undefined`, and a reason in `GetLastError()`, if there is to be
 * none.
 *
 * @internal
 */
export const duplicate = (handle: number): number | undefined => {
  const target = new BigUint64Array(1)
  const { DuplicateHandle } = kernel32()
  const isMade =
    DuplicateHandle(CURRENT_PROCESS, handle, CURRENT_PROCESS, target, 0, 0, DUPLICATE_SAME_ACCESS) !== 0
  return isMade ? Number(target[0]) : undefined
}
