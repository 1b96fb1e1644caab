/**
 * What the codes of the systems mean to somebody who uses files.
 *
 * The tables of errno, Win32 and NTSTATUS codes tell what a code means to somebody who uses sockets, and name it. The
 * names are told apart as well as the numbers are, on all systems at once, so this table is by name. A code that is not
 * in it means the same to both (`ENOMEM`), or nothing to either.
 *
 * @since 0.1.0
 */
import { fromErrno } from "./ErrnoTable.js"
import type { SocketError } from "./Errors.js"
import { FileError, type FileErrorFields, type FileErrorReason } from "./FileError.js"
import { fromFileStatus } from "./NtStatusTable.js"
import type { SocketErrorReason } from "./SystemCall.js"
import { fromWin32 } from "./WsaTable.js"

/**
 * The call on a file that failed, as the tables need it to make an error.
 *
 * @since 0.1.0
 * @category models
 */
export interface FileCall {
  /** What the program asked for: `open`, `read`, ... */
  readonly operation: string
  /** The system call that answered: `pread`, `CreateFileW`, ... */
  readonly syscall: string
  /** The file or directory, as it was named. */
  readonly path?: string | undefined
}

type Row = readonly [name: string, reason: FileErrorReason, advice?: string]

const notForThis = "The descriptor is closed, or was not opened for this."
const tooLong = "The name, or a part of it, is longer than the file system allows."
const wrongName = "A name cannot have these characters."

/** @internal */
export const fileRows: ReadonlyArray<Row> = [
  // Linux
  ["ENOENT", "NotFound"],
  ["EEXIST", "AlreadyExists"],
  ["ENOTEMPTY", "AlreadyExists"],
  ["EBUSY", "InUse"],
  ["ETXTBSY", "InUse", "It is a program that runs."],
  ["EISDIR", "IsDirectory"],
  ["ENOTDIR", "NotDirectory"],
  ["ENOSPC", "DiskFull"],
  ["EDQUOT", "DiskFull", "This user's share is used up (quota)."],
  ["EROFS", "ReadOnly"],
  ["EFBIG", "TooLarge"],
  ["EOVERFLOW", "TooLarge"],
  ["ENAMETOOLONG", "InvalidArgument", tooLong],
  ["ELOOP", "InvalidArgument", "Symbolic links lead in a circle, or there are too many in a row."],
  ["EBADF", "InvalidArgument", notForThis],
  ["ESPIPE", "InvalidArgument", "It has no positions: it is a pipe, a socket or a terminal."],
  ["ENODEV", "Unsupported"],
  ["EAGAIN", "InUse", "It is locked by somebody. Try again later."],
  ["EIO", "DeviceFailed"],
  ["ENXIO", "Unsupported", "It is a socket, a pipe that nobody reads, or a device that is not there."],
  ["EREMOTEIO", "DeviceFailed"],
  ["ENOMEDIUM", "DeviceFailed", "There is no disk in the drive."],
  ["EMEDIUMTYPE", "DeviceFailed"],
  ["EUCLEAN", "DeviceFailed", "The file system is damaged."],
  ["EBADMSG", "DeviceFailed", "The file system is damaged."],
  ["ESTALE", "DeviceFailed", "The file is gone from the server that it lies on."],

  // Windows
  ["ERROR_FILE_NOT_FOUND", "NotFound"],
  ["ERROR_PATH_NOT_FOUND", "NotFound"],
  ["ERROR_BAD_NETPATH", "NotFound", "No computer, or no share of it, has that name."],
  ["ERROR_FILE_EXISTS", "AlreadyExists"],
  ["ERROR_ALREADY_EXISTS", "AlreadyExists"],
  ["ERROR_SHARING_VIOLATION", "InUse"],
  ["ERROR_LOCK_VIOLATION", "InUse", "Another program has locked a part of it."],
  ["ERROR_BUSY", "InUse"],
  ["ERROR_DELETE_PENDING", "InUse", "It is being deleted, and somebody still has it open."],
  ["ERROR_DIRECTORY", "NotDirectory"],
  ["ERROR_DISK_FULL", "DiskFull"],
  ["ERROR_HANDLE_DISK_FULL", "DiskFull"],
  ["ERROR_DISK_QUOTA_EXCEEDED", "DiskFull", "This user's share is used up (quota)."],
  ["ERROR_WRITE_PROTECT", "ReadOnly"],
  ["ERROR_FILE_TOO_LARGE", "TooLarge"],
  ["ERROR_HANDLE_EOF", "EndOfFile"],
  ["ERROR_INVALID_HANDLE", "InvalidArgument", notForThis],
  ["ERROR_INVALID_NAME", "InvalidArgument", wrongName],
  ["ERROR_BAD_PATHNAME", "InvalidArgument", wrongName],
  ["ERROR_FILENAME_EXCED_RANGE", "InvalidArgument", tooLong],
  ["ERROR_CANT_RESOLVE_FILENAME", "InvalidArgument", "Symbolic links lead in a circle."],
  ["ERROR_NEGATIVE_SEEK", "InvalidArgument"],
  ["ERROR_CANT_ACCESS_FILE", "PermissionDenied"],
  ["ERROR_NETWORK_ACCESS_DENIED", "PermissionDenied"],
  ["ERROR_CRC", "DeviceFailed"],
  ["ERROR_IO_DEVICE", "DeviceFailed"],
  ["ERROR_NOT_READY", "DeviceFailed", "There is no disk in the drive, say."],
  ["ERROR_GEN_FAILURE", "DeviceFailed"],
  ["ERROR_NETNAME_DELETED", "DeviceFailed", "The computer that the file lies on is gone."],
  ["ERROR_UNEXP_NET_ERR", "DeviceFailed", "The computer that the file lies on cannot be reached."],
  ["STATUS_FILE_IS_A_DIRECTORY", "IsDirectory"]
]

const table: ReadonlyMap<string, Row> = new Map(fileRows.map((row) => [row[0], row]))

/** What a reason that has nothing to do with sockets means for files. The others do not come from files. */
const sameReasons: { readonly [Reason in SocketErrorReason]?: FileErrorReason } = {
  InvalidArgument: "InvalidArgument",
  InvalidHandle: "InvalidArgument",
  TooLong: "InvalidArgument",
  PermissionDenied: "PermissionDenied",
  ResourceExhausted: "ResourceExhausted",
  Unsupported: "Unsupported",
  Cancelled: "Cancelled",
  Closed: "Closed"
}

const rowOf = (...names: ReadonlyArray<string | undefined>): Row | undefined => {
  for (const name of names) {
    const row = name === undefined ? undefined : table.get(name)
    if (row !== undefined) return row
  }
  return undefined
}

/**
 * What a system call on a file failed with, as the error of a file. Total: a code that says nothing about files is
 * `Unknown`.
 *
 * @internal
 */
export const toFileError = (
  error: SocketError,
  details: Partial<Omit<FileErrorFields, "reason">> = {}
): FileError => {
  const { address, cause, code, codeName, operation, status, statusName, syscall } = error
  const [, reason, advice] = rowOf(statusName, codeName) ?? []
  return new FileError({
    operation,
    syscall,
    code,
    codeName,
    status,
    statusName,
    path: address,
    cause,
    reason: reason ?? sameReasons[error.reason] ?? "Unknown",
    // What a table says goes for sockets; what was found before any call was said on purpose.
    advice: advice ?? (code === undefined ? error.advice : undefined),
    ...details
  })
}

/**
 * The error for what a call on a file left in errno. Total: a code that is not in the tables is a `FileError` with the
 * reason `Unknown`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fileErrorFromErrno = (code: number, { path, ...call }: FileCall): FileError =>
  toFileError(fromErrno(code, call), { path })

/**
 * The error for what `GetLastError` answered after a call on a file. Total, as `fileErrorFromErrno` is.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fileErrorFromWin32 = (code: number, { path, ...call }: FileCall): FileError =>
  toFileError(fromWin32(code, call), { path })

/**
 * The error for the NTSTATUS of a file's completion packet, signed or unsigned. `code` is the Win32 code that stands for
 * it. Total, as `fileErrorFromErrno` is.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fileErrorFromNtStatus = (status: number, { path, ...call }: FileCall): FileError =>
  toFileError(fromFileStatus(status, call), { path })

/**
 * The error for a failure whose reason is another than the tables give: they know the code, and not what was going on.
 *
 * @internal
 */
export const toldAs = (error: SocketError, fields: Omit<FileErrorFields, "operation">): FileError => {
  const { code, codeName, operation, status, statusName, syscall } = error
  return new FileError({ operation, syscall, code, codeName, status, statusName, ...fields })
}
