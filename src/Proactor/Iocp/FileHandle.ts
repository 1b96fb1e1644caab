/**
 * Files and directories as handles: how one is opened, and what the system tells about one.
 *
 * Opening may wait for a disk or for another computer, so a thread does it. It cannot be called back. Paths go to the system
 * in the form that has no limit of 260 characters, `\\?\C:\...`, made as Node makes it; others may read, write, rename and
 * delete what is open here, as they may where Node has it open.
 *
 * @since 0.1.0
 */
import { win32 } from "node:path"
import * as Effect from "effect/Effect"
import { fromFileStatus, fromWin32, type SocketError, unsupported } from "../../Errors/index.js"
import { ForeignMemory } from "../../Foreign/Memory.js"
import * as C from "../../Iocp/Constants.js"
import { kernel32 } from "../../Iocp/Kernel32.js"
import { kernel32Files } from "../../Iocp/Kernel32Files.js"
import type { FileStat } from "../FileOperation.js"
import type { FileOpening } from "../Proactor.js"

const SHARE = C.FILE_SHARE_READ | C.FILE_SHARE_WRITE | C.FILE_SHARE_DELETE
const FILE_FLAGS = C.FILE_FLAG_OVERLAPPED | C.FILE_ATTRIBUTE_NORMAL
/** Without the former flag a directory cannot be opened at all. */
const DIRECTORY_FLAGS = C.FILE_FLAG_BACKUP_SEMANTICS | C.FILE_FLAG_OVERLAPPED

const ACCESS: Record<FileOpening["access"], number> = {
  read: C.GENERIC_READ,
  write: C.GENERIC_WRITE,
  readWrite: C.GENERIC_READ + C.GENERIC_WRITE
}

const DISPOSITION: Record<FileOpening["create"], number> = {
  never: C.OPEN_EXISTING,
  ifMissing: C.OPEN_ALWAYS,
  exclusively: C.CREATE_NEW,
  truncated: C.CREATE_ALWAYS
}

/** Where the fields of BY_HANDLE_FILE_INFORMATION are. */
const ATTRIBUTES_AT = 0
const LAST_WRITE_AT = 20
const SIZE_HIGH_AT = 32
const SIZE_LOW_AT = 36

const TWO_TO_32 = 0x1_0000_0000
/** A FILETIME counts 100 ns since 1601. */
const TICKS_PER_MILLISECOND = 10_000
const MILLISECONDS_FROM_1601_TO_1970 = 11_644_473_600_000

const information = new DataView(new ArrayBuffer(C.SIZEOF_BY_HANDLE_FILE_INFORMATION))
const informationBytes = new Uint8Array(information.buffer)

/** @internal */
export const closeHandle = (handle: number): void => {
  // The handle is ours and closed once only. A failure here would concern what was written, which is for a flush to tell.
  kernel32().CloseHandle(handle)
}

/**
 * Makes a call that goes to a thread; answers why it could not, if so.
 *
 * @internal
 */
export const onThread = (
  call: () => void,
  operation: string,
  syscall: string,
  address?: string
): SocketError | undefined => {
  try {
    call()
    return undefined
  } catch {
    // Too many such calls are outstanding.
    return fromWin32(C.ERROR_NOT_ENOUGH_QUOTA, { operation, syscall, address })
  }
}

/** A handle, or the code of GetLastError. */
type Opened = { readonly handle: number } | { readonly code: number }

const createFile = (
  operation: string,
  path: string,
  access: number,
  disposition: number,
  flags: number
): Effect.Effect<Opened, SocketError> =>
  Effect.async((resume) => {
    const name = win32.toNamespacedPath(path)
    const done = (handle: number, code: number) =>
      resume(Effect.succeed(handle === C.INVALID_HANDLE_VALUE ? { code } : { handle }))
    const failure = onThread(
      () => kernel32().CreateFileWAsync(name, access, SHARE, disposition, flags, done),
      operation,
      "CreateFileW",
      path
    )
    if (failure !== undefined) resume(Effect.fail(failure))
  })

/** What there is by that name: -1 if the system does not say. */
const attributesOf = (path: string): Effect.Effect<number> =>
  Effect.async((resume) => {
    const done = (attributes: number) => resume(Effect.succeed(attributes))
    const ask = () => kernel32Files().GetFileAttributesWAsync(win32.toNamespacedPath(path), done)
    if (onThread(ask, "open", "GetFileAttributesW") !== undefined) done(-1)
  })

const isDirectory = (attributes: number): boolean =>
  attributes !== -1 && (attributes & C.FILE_ATTRIBUTE_DIRECTORY) !== 0

/** Windows calls it a lack of rights to open a directory as a file: the status that this comes from is told instead. */
const whyNot = (path: string, code: number): Effect.Effect<never, SocketError> => {
  const call = { operation: "open", syscall: "CreateFileW", address: path }
  const failure = Effect.fail(fromWin32(code, call))
  if (code !== C.ERROR_ACCESS_DENIED) return failure
  return Effect.flatMap(attributesOf(path), (attributes) =>
    isDirectory(attributes) ? Effect.fail(fromFileStatus(C.STATUS_FILE_IS_A_DIRECTORY, call)) : failure
  )
}

/**
 * Opens a file on a disk, overlapped and not inherited by child processes.
 *
 * @internal
 */
export const openFileHandle = (opening: FileOpening): Effect.Effect<number, SocketError> => {
  const { access, create, mode, path, sparse } = opening
  if (mode !== undefined) {
    return Effect.fail(unsupported("open", "Windows has no permissions of that kind: leave `mode` out"))
  }
  const opened = createFile("open", path, ACCESS[access], DISPOSITION[create], FILE_FLAGS)
  return Effect.flatMap(opened, (answer) => {
    if ("code" in answer) return whyNot(path, answer.code)
    const { handle } = answer
    const onDisk = kernel32Files().GetFileType(handle) === C.FILE_TYPE_DISK
    const made = onDisk ? (sparse ? makeSparse(handle, path) : Effect.void) : Effect.fail(notOnDisk)
    return Effect.as(
      Effect.onError(made, () => Effect.sync(() => closeHandle(handle))),
      handle
    )
  })
}

const notOnDisk = unsupported("open", "it is a pipe or a device, and has no positions to read and write at")

/** A call that a thread makes: 0, or the code that it failed with. */
const codeOf = (
  describe: { readonly operation: string; readonly syscall: string; readonly address: string },
  call: (done: (ok: number, code: number) => void) => void
): Effect.Effect<number, SocketError> =>
  Effect.async((resume) => {
    const done = (ok: number, code: number) => resume(Effect.succeed(ok === 0 ? code : 0))
    const { address, operation, syscall } = describe
    const refusal = onThread(() => call(done), operation, syscall, address)
    if (refusal !== undefined) resume(Effect.fail(refusal))
  })

/**
 * Has the system keep no room for what was never written. The handle is not the port's yet: an overlapped call with no
 * packet, which a thread waits for.
 */
const makeSparse = (handle: number, path: string): Effect.Effect<void, SocketError> => {
  const describe = { operation: "open", syscall: "DeviceIoControl", address: path }
  const { DeviceIoControlAsync, GetOverlappedResultAsync } = kernel32Files()
  return Effect.acquireUseRelease(
    Effect.sync(() => ForeignMemory.allocate(C.SIZEOF_OVERLAPPED + 8)),
    ({ address }) => {
      const transferred = address + C.SIZEOF_OVERLAPPED
      const started = codeOf(describe, (done) =>
        DeviceIoControlAsync(handle, C.FSCTL_SET_SPARSE, transferred, address, done)
      )
      const ended = codeOf(describe, (done) => GetOverlappedResultAsync(handle, address, transferred, done))
      const whole = Effect.flatMap(started, (code) =>
        code === C.ERROR_IO_PENDING ? ended : Effect.succeed(code)
      )
      return Effect.flatMap(whole, (code) =>
        code === 0 ? Effect.void : Effect.fail(fromWin32(code, describe))
      )
    },
    (memory) => Effect.sync(() => memory.free())
  )
}

/**
 * Opens a directory, to be told what happens in it.
 *
 * @internal
 */
export const openDirectoryHandle = (path: string): Effect.Effect<number, SocketError> => {
  const call = { operation: "watch", syscall: "CreateFileW", address: path }
  const opened = createFile("watch", path, C.FILE_LIST_DIRECTORY, C.OPEN_EXISTING, DIRECTORY_FLAGS)
  return Effect.flatMap(opened, (answer) => {
    if ("code" in answer) return Effect.fail(fromWin32(answer.code, call))
    const { handle } = answer
    const isKnown = kernel32Files().GetFileInformationByHandle(handle, informationBytes) !== 0
    if (isKnown && isDirectory(information.getInt32(ATTRIBUTES_AT, true))) return Effect.succeed(handle)
    closeHandle(handle)
    return Effect.fail(fromFileStatus(C.STATUS_NOT_A_DIRECTORY, call))
  })
}

/**
 * What the system knows about an open file; `undefined`: see GetLastError.
 *
 * @internal
 */
export const statOf = (handle: number): FileStat | undefined => {
  if (kernel32Files().GetFileInformationByHandle(handle, informationBytes) === 0) return undefined
  const at = (offset: number) => information.getUint32(offset, true)
  const ticks = at(LAST_WRITE_AT + 4) * TWO_TO_32 + at(LAST_WRITE_AT)
  return {
    size: at(SIZE_HIGH_AT) * TWO_TO_32 + at(SIZE_LOW_AT),
    modified: new Date(Math.round(ticks / TICKS_PER_MILLISECOND) - MILLISECONDS_FROM_1601_TO_1970)
  }
}
