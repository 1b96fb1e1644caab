/**
 * Bindings of kernel32.dll: what is asked of files and directories, beyond reading and writing (see `Kernel32.ts`).
 *
 * As there, results are those of the Windows headers, and nothing is loaded before `kernel32Files()` is called for the
 * first time. What may wait for a disk or for another computer has a form that runs on a thread of libuv's pool, and calls
 * `done` on the main thread with the answer and, where that is a failure, the code of GetLastError. Such a call throws,
 * without calling `done`, when too many of them are outstanding.
 *
 * @since 0.1.0
 */
import type { KoffiFunc } from "koffi"
import { koffi, lazily } from "../Foreign/Koffi.js"

/** Gets a BOOL, and the code of GetLastError where that is 0. */
type Done = (ok: number, code: number) => void

/** @internal */
export interface Kernel32Files {
  /** FILE_TYPE_DISK, or what else it is. */
  readonly GetFileType: (file: number) => number
  /** Writes a BY_HANDLE_FILE_INFORMATION. */
  readonly GetFileInformationByHandle: (file: number, information: Uint8Array) => number
  /** Gets -1 for a failure. */
  readonly GetFileAttributesWAsync: (path: string, done: (attributes: number) => void) => void
  /** `information`: address of `length` bytes, kept until `done`. */
  readonly SetFileInformationByHandleAsync: (
    file: number,
    kind: number,
    information: number,
    length: number,
    done: Done
  ) => void
  readonly FlushFileBuffersAsync: (file: number, done: Done) => void
  /** Without input and output. `transferred`: address of a DWORD. */
  readonly DeviceIoControlAsync: (
    file: number,
    code: number,
    transferred: number,
    overlapped: number,
    done: Done
  ) => void
  /** Waits until the operation has ended. */
  readonly GetOverlappedResultAsync: (
    file: number,
    overlapped: number,
    transferred: number,
    done: Done
  ) => void
  /** `buffer`: address of `length` bytes, kept. Without completion routine. */
  readonly ReadDirectoryChangesW: (
    directory: number,
    buffer: number,
    length: number,
    isRecursive: number,
    filter: number,
    overlapped: number
  ) => number
}

type GetAttributes = KoffiFunc<(path: string) => number>
type SetInformation = KoffiFunc<(file: number, kind: number, information: number, length: number) => number>
type Flush = KoffiFunc<(file: number) => number>
type Control = KoffiFunc<
  (
    ...args: [file: number, code: number, i: 0, il: 0, o: 0, ol: 0, transferred: number, overlapped: number]
  ) => number
>
type Result = KoffiFunc<(file: number, overlapped: number, transferred: number, wait: 1) => number>
type ReadChanges = (
  ...args: [
    directory: number,
    buffer: number,
    length: number,
    isRecursive: number,
    filter: number,
    transferred: 0,
    overlapped: number,
    routine: 0
  ]
) => number

/** @internal */
export const kernel32Files: () => Kernel32Files = lazily(() => {
  const library = koffi().load("kernel32.dll")
  const bind = <F>(name: string, result: string, parameters: ReadonlyArray<string>): F =>
    library.func("__stdcall", name, result, [...parameters]) as unknown as F
  const word = "uintptr_t"
  const dword = "uint32_t"
  const lastError = bind<() => number>("GetLastError", dword, [])
  // The call's last error is the thread's own; it is here only while koffi's callback runs.
  const tell = (done: Done) => (_error: unknown, ok: number) => done(ok, ok === 0 ? lastError() : 0)
  const getAttributes = bind<GetAttributes>("GetFileAttributesW", "int32_t", ["str16"])
  const setInformation = bind<SetInformation>("SetFileInformationByHandle", "int", [word, "int", word, dword])
  const flush = bind<Flush>("FlushFileBuffers", "int", [word])
  const control = bind<Control>("DeviceIoControl", "int", [word, dword, word, dword, word, dword, word, word])
  const result = bind<Result>("GetOverlappedResult", "int", [word, word, word, "int"])
  const readChanges = bind<ReadChanges>("ReadDirectoryChangesW", "int", [
    word,
    word,
    dword,
    "int",
    dword,
    word,
    word,
    word
  ])
  return {
    GetFileType: bind("GetFileType", dword, [word]),
    GetFileInformationByHandle: bind("GetFileInformationByHandle", "int", [word, "void *"]),
    GetFileAttributesWAsync: (path, done) =>
      getAttributes.async(path, (_error: unknown, attributes: number) => done(attributes)),
    SetFileInformationByHandleAsync: (file, kind, information, length, done) =>
      setInformation.async(file, kind, information, length, tell(done)),
    FlushFileBuffersAsync: (file, done) => flush.async(file, tell(done)),
    DeviceIoControlAsync: (file, code, transferred, overlapped, done) =>
      control.async(file, code, 0, 0, 0, 0, transferred, overlapped, tell(done)),
    GetOverlappedResultAsync: (file, overlapped, transferred, done) =>
      result.async(file, overlapped, transferred, 1, tell(done)),
    ReadDirectoryChangesW: (directory, buffer, length, isRecursive, filter, overlapped) =>
      readChanges(directory, buffer, length, isRecursive, filter, 0, overlapped, 0)
  }
})
