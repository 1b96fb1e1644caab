/**
 * What goes wrong with files and directories.
 *
 * A file is nobody's connection: what fails is the name, the rights, the disk. A connection that breaks while a file is
 * sent over it is a `ConnectionError` all the same, and a deadline that passes a `TimeoutError`.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { ErrorDetails } from "./Errors.js"
import { fileMessage } from "./Message.js"
import { definedFields, toPlainObject } from "./Plain.js"

/**
 * Every `FileErrorReason`, for programs that go through all of them.
 *
 * @since 0.1.0
 * @category models
 */
export const fileErrorReasons = [
  /** Nothing has that name, or a directory on the way to it has not (`ENOENT`, `ERROR_FILE_NOT_FOUND`). */
  "NotFound",
  /** Something has that name already (`EEXIST`, `ERROR_FILE_EXISTS`). */
  "AlreadyExists",
  /** The system refuses this user (`EACCES`, `EPERM`, `ERROR_ACCESS_DENIED`). */
  "PermissionDenied",
  /** Another program has it, and shares it not (`ERROR_SHARING_VIOLATION`, `ETXTBSY`, `EBUSY`). */
  "InUse",
  /** It is a directory, and a file is wanted (`EISDIR`). */
  "IsDirectory",
  /** It is no directory, and one is wanted (`ENOTDIR`, `ERROR_DIRECTORY`). */
  "NotDirectory",
  /** There is no room left, or none for this user (`ENOSPC`, `EDQUOT`, `ERROR_DISK_FULL`). */
  "DiskFull",
  /** The file system can only be read (`EROFS`, `ERROR_WRITE_PROTECT`). */
  "ReadOnly",
  /** The file would be larger than the file system, or this user, may have one (`EFBIG`). */
  "TooLarge",
  /** The file ends before what was asked for: it is shorter than it was, say. */
  "EndOfFile",
  /** An argument that no system call would accept: a negative offset, a name that is too long (`EINVAL`). */
  "InvalidArgument",
  /** This side closed it before, or during, the operation. */
  "Closed",
  /** Out of descriptors, handles, memory or watches (`EMFILE`, `ENFILE`, `ENOMEM`). */
  "ResourceExhausted",
  /** This platform, this file system or this kind of file does not have it (`EOPNOTSUPP`). */
  "Unsupported",
  /** The operation was cancelled in the system (`ECANCELED`, `ERROR_OPERATION_ABORTED`). */
  "Cancelled",
  /** The device failed, or is gone (`EIO`, `ERROR_CRC`). */
  "DeviceFailed",
  /** A code that the tables give no reason for; it is kept in `code`. */
  "Unknown"
] as const

/**
 * Why an operation on a file or a directory failed.
 *
 * @since 0.1.0
 * @category models
 */
export type FileErrorReason = (typeof fileErrorReasons)[number]

/**
 * The fields of a `FileError`.
 *
 * @since 0.1.0
 * @category models
 */
export interface FileErrorFields extends Omit<ErrorDetails, "address"> {
  readonly reason: FileErrorReason
  /** The file or directory, as it was named. */
  readonly path?: string | undefined
  /** How many bytes had moved before it failed. What was written or sent of them stays so. */
  readonly bytesTransferred?: number | undefined
}

/**
 * A file or a directory is at fault, or what was asked of it.
 *
 * @since 0.1.0
 * @category errors
 */
export class FileError extends Data.TaggedError("FileError")<FileErrorFields> {
  constructor(fields: FileErrorFields) {
    super(definedFields(fields))
  }

  /** One line that says what failed, how the system put it, and what to do. */
  override get message(): string {
    return fileMessage(this)
  }

  override toJSON(): object {
    return toPlainObject(this)
  }
}

/**
 * Whether it is a `FileError`.
 *
 * @since 0.1.0
 * @category guards
 */
export const isFileError = (u: unknown): u is FileError => u instanceof FileError
