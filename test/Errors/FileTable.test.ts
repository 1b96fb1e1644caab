import { assert, describe, it } from "@effect/vitest"
import * as Equal from "effect/Equal"
import { errnoRows } from "../../src/Errors/ErrnoTable.js"
import { fileRows, toFileError } from "../../src/Errors/FileTable.js"
import {
  closed,
  FileError,
  type FileErrorReason,
  fileErrorFromErrno,
  fileErrorFromNtStatus,
  fileErrorFromWin32,
  fileErrorReasons,
  fromErrno,
  isFileError,
  unsupported
} from "../../src/Errors/index.js"
import { ntStatusRows } from "../../src/Errors/NtStatusTable.js"
import { win32Rows } from "../../src/Errors/WsaTable.js"
import { anyCode } from "./expectations.js"

type Case = readonly [code: number, codeName: string, reason: FileErrorReason]

const call = { operation: "open", syscall: "open", path: "/a/b" }

const linux: ReadonlyArray<Case> = [
  [1, "EPERM", "PermissionDenied"],
  [2, "ENOENT", "NotFound"],
  [5, "EIO", "DeviceFailed"],
  [9, "EBADF", "InvalidArgument"],
  [12, "ENOMEM", "ResourceExhausted"],
  [13, "EACCES", "PermissionDenied"],
  [16, "EBUSY", "InUse"],
  [17, "EEXIST", "AlreadyExists"],
  [20, "ENOTDIR", "NotDirectory"],
  [21, "EISDIR", "IsDirectory"],
  [22, "EINVAL", "InvalidArgument"],
  [23, "ENFILE", "ResourceExhausted"],
  [24, "EMFILE", "ResourceExhausted"],
  [26, "ETXTBSY", "InUse"],
  [27, "EFBIG", "TooLarge"],
  [28, "ENOSPC", "DiskFull"],
  [30, "EROFS", "ReadOnly"],
  [36, "ENAMETOOLONG", "InvalidArgument"],
  [38, "ENOSYS", "Unsupported"],
  [40, "ELOOP", "InvalidArgument"],
  [95, "EOPNOTSUPP", "Unsupported"],
  [116, "ESTALE", "DeviceFailed"],
  [122, "EDQUOT", "DiskFull"],
  [125, "ECANCELED", "Cancelled"],
  [111, "ECONNREFUSED", "Unknown"],
  [0, "errno 0", "Unknown"],
  [9999, "errno 9999", "Unknown"]
]

const windows: ReadonlyArray<Case> = [
  [2, "ERROR_FILE_NOT_FOUND", "NotFound"],
  [3, "ERROR_PATH_NOT_FOUND", "NotFound"],
  [4, "ERROR_TOO_MANY_OPEN_FILES", "ResourceExhausted"],
  [5, "ERROR_ACCESS_DENIED", "PermissionDenied"],
  [6, "ERROR_INVALID_HANDLE", "InvalidArgument"],
  [19, "ERROR_WRITE_PROTECT", "ReadOnly"],
  [21, "ERROR_NOT_READY", "DeviceFailed"],
  [23, "ERROR_CRC", "DeviceFailed"],
  [32, "ERROR_SHARING_VIOLATION", "InUse"],
  [33, "ERROR_LOCK_VIOLATION", "InUse"],
  [38, "ERROR_HANDLE_EOF", "EndOfFile"],
  [39, "ERROR_HANDLE_DISK_FULL", "DiskFull"],
  [50, "ERROR_NOT_SUPPORTED", "Unsupported"],
  [80, "ERROR_FILE_EXISTS", "AlreadyExists"],
  [87, "ERROR_INVALID_PARAMETER", "InvalidArgument"],
  [112, "ERROR_DISK_FULL", "DiskFull"],
  [123, "ERROR_INVALID_NAME", "InvalidArgument"],
  [183, "ERROR_ALREADY_EXISTS", "AlreadyExists"],
  [206, "ERROR_FILENAME_EXCED_RANGE", "InvalidArgument"],
  [223, "ERROR_FILE_TOO_LARGE", "TooLarge"],
  [267, "ERROR_DIRECTORY", "NotDirectory"],
  [303, "ERROR_DELETE_PENDING", "InUse"],
  [995, "ERROR_OPERATION_ABORTED", "Cancelled"],
  [1117, "ERROR_IO_DEVICE", "DeviceFailed"],
  [1295, "ERROR_DISK_QUOTA_EXCEEDED", "DiskFull"],
  [1450, "ERROR_NO_SYSTEM_RESOURCES", "ResourceExhausted"],
  [9999, "Win32 9999", "Unknown"]
]

const statuses: ReadonlyArray<
  readonly [status: number, statusName: string, code: number, codeName: string, reason: FileErrorReason]
> = [
  [0xc0000011, "STATUS_END_OF_FILE", 38, "ERROR_HANDLE_EOF", "EndOfFile"],
  [0xc000000d, "STATUS_INVALID_PARAMETER", 87, "ERROR_INVALID_PARAMETER", "InvalidArgument"],
  [0xc0000022, "STATUS_ACCESS_DENIED", 5, "ERROR_ACCESS_DENIED", "PermissionDenied"],
  [0xc0000034, "STATUS_OBJECT_NAME_NOT_FOUND", 2, "ERROR_FILE_NOT_FOUND", "NotFound"],
  [0xc000003f, "STATUS_CRC_ERROR", 23, "ERROR_CRC", "DeviceFailed"],
  [0xc0000043, "STATUS_SHARING_VIOLATION", 32, "ERROR_SHARING_VIOLATION", "InUse"],
  [0xc0000054, "STATUS_FILE_LOCK_CONFLICT", 33, "ERROR_LOCK_VIOLATION", "InUse"],
  [0xc0000056, "STATUS_DELETE_PENDING", 303, "ERROR_DELETE_PENDING", "InUse"],
  [0xc000007f, "STATUS_DISK_FULL", 112, "ERROR_DISK_FULL", "DiskFull"],
  [0xc000009a, "STATUS_INSUFFICIENT_RESOURCES", 1450, "ERROR_NO_SYSTEM_RESOURCES", "ResourceExhausted"],
  [0xc00000a2, "STATUS_MEDIA_WRITE_PROTECTED", 19, "ERROR_WRITE_PROTECT", "ReadOnly"],
  [0xc00000ba, "STATUS_FILE_IS_A_DIRECTORY", 5, "ERROR_ACCESS_DENIED", "IsDirectory"],
  [0xc0000103, "STATUS_NOT_A_DIRECTORY", 267, "ERROR_DIRECTORY", "NotDirectory"],
  [0xc0000120, "STATUS_CANCELLED", 995, "ERROR_OPERATION_ABORTED", "Cancelled"],
  [0xc0000185, "STATUS_IO_DEVICE_ERROR", 1117, "ERROR_IO_DEVICE", "DeviceFailed"],
  [0xc0000904, "STATUS_FILE_TOO_LARGE", 223, "ERROR_FILE_TOO_LARGE", "TooLarge"],
  [0xc0001234, "0xC0001234", 0xc0001234, "0xC0001234", "Unknown"]
]

const fields = (error: FileError): object => ({ ...error })

describe("errors of files", () => {
  for (const [code, codeName, reason] of linux) {
    it(`errno ${code} ${codeName}: ${reason}`, () =>
      assert.deepInclude(fields(fileErrorFromErrno(code, call)), { ...call, code, codeName, reason }))
  }

  for (const [code, codeName, reason] of windows) {
    it(`Win32 ${code} ${codeName}: ${reason}`, () =>
      assert.deepInclude(fields(fileErrorFromWin32(code, call)), { ...call, code, codeName, reason }))
  }

  for (const [status, statusName, code, codeName, reason] of statuses) {
    it(`${statusName}: ${codeName} ${code}, ${reason}`, () => {
      const expected = { ...call, status, statusName, code, codeName, reason }
      assert.deepInclude(fields(fileErrorFromNtStatus(status, call)), expected)
      assert.deepInclude(fields(fileErrorFromNtStatus(status | 0, call)), expected)
    })
  }

  it("are named by codes that the tables of codes have, each once", () => {
    const names = [...errnoRows, ...win32Rows, ...ntStatusRows].map(([, name]) => name)
    for (const [name] of fileRows) assert.include(names, name)
    assert.strictEqual(new Set(fileRows.map(([name]) => name)).size, fileRows.length)
  })

  it.prop("are total", [anyCode], ([code]) => {
    for (const error of [
      fileErrorFromErrno(code, call),
      fileErrorFromWin32(code, call),
      fileErrorFromNtStatus(code, call)
    ]) {
      assert.include(fileErrorReasons, error.reason)
      assert.match(error.message, /^open \/a\/b: .+ from open\)(\. |: ).+[.?]$/)
      assert.isNumber(error.code)
    }
  })

  it("say what failed, how the system put it, and what to do", () => {
    assert.strictEqual(
      fileErrorFromErrno(2, call).message,
      "open /a/b: not found (ENOENT 2 from open). Check the path, and that the directories on the way to it are there."
    )
    assert.strictEqual(
      fileErrorFromNtStatus(0xc0000022, { operation: "read", syscall: "ReadFile" }).message,
      "read: permission denied (ERROR_ACCESS_DENIED 5, STATUS_ACCESS_DENIED 0xC0000022, from ReadFile). " +
        "Does this user have the right to do it?"
    )
    const short = new FileError({
      reason: "EndOfFile",
      operation: "sendFile",
      path: "x",
      bytesTransferred: 1,
      advice: "it is shorter than it was"
    })
    assert.strictEqual(
      short.message,
      "sendFile x: the file ends before that, with 1 byte done: it is shorter than it was."
    )
  })

  it("are one line for every reason, whatever the path", () => {
    for (const reason of fileErrorReasons) {
      const { message } = new FileError({ reason, operation: "open", path: "a\nb\u2028c" })
      assert.match(message, /^open a b c: [^\p{Cc}\u2028\u2029]+[.?]$/u)
    }
  })

  it("are values: equal by their fields, and JSON", () => {
    assert.isTrue(Equal.equals(fileErrorFromErrno(2, call), fileErrorFromErrno(2, call)))
    assert.isFalse(Equal.equals(fileErrorFromErrno(2, call), fileErrorFromErrno(13, call)))
    assert.isTrue(isFileError(fileErrorFromErrno(2, call)))
    assert.isFalse(isFileError(fromErrno(2, call)))
    const json: unknown = JSON.parse(JSON.stringify(fileErrorFromErrno(2, call)))
    assert.deepInclude(json, { _tag: "FileError", reason: "NotFound", path: "/a/b", codeName: "ENOENT" })
  })

  it("keep what was found before any call, and forget what goes for sockets", () => {
    const early = toFileError(unsupported("open", "there are no modes"), { path: "x" })
    assert.deepInclude(fields(early), { reason: "Unsupported", advice: "there are no modes", path: "x" })
    assert.strictEqual(toFileError(closed("read", "a")).reason, "Closed")
    assert.strictEqual(toFileError(closed("read", "a")).path, "a")
    assert.isUndefined(fileErrorFromErrno(28, call).advice)
  })
})
