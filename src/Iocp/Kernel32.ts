/**
 * Bindings of kernel32.dll: the completion port calls.
 *
 * Names, argument order and results are those of the Windows headers. Handles, addresses and keys travel as
 * numbers (`uintptr_t`); where a value may need all 64 bits, a bigint is accepted too. A `BOOL` is a number,
 * 0 for failure, and the reason is `GetLastError()`, right only when it is read at once after the call.
 *
 * Nothing is loaded before `kernel32()` is called for the first time, which is possible on Windows only:
 * callers ask `isSupported` first.
 *
 * @since 0.1.0
 */
import type { KoffiFunc } from "koffi"
import { koffi, lazily } from "../Foreign/Koffi.js"

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
  readonly GetLastError: () => number
}

type WaitEx = KoffiFunc<Kernel32["GetQueuedCompletionStatusEx"]>

/**
 * Whether this platform has kernel32.
 *
 * @internal
 */
export const isSupported: boolean = process.platform === "win32"

/** @internal */
export const kernel32: () => Kernel32 = lazily(() => {
  const library = koffi().load("kernel32.dll")
  const bind = <F>(name: string, result: string, parameters: ReadonlyArray<string>): F =>
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
    FindClose: bind("FindClose", "int", ["intptr_t"])
  }
})
