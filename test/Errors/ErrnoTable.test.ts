import { constants } from "node:os"
import { assert, describe, it } from "@effect/vitest"
import { errnoRows } from "../../src/Errors/ErrnoTable.js"
import { errnoName, fromErrno, type SocketErrorReason } from "../../src/Errors/index.js"
import { anyCode, call, expectError, expectTotal } from "./expectations.js"

const rows: ReadonlyArray<readonly [code: number, codeName: string, reason: SocketErrorReason]> = [
  [111, "ECONNREFUSED", "Refused"],
  [32, "EPIPE", "Reset"],
  [102, "ENETRESET", "Reset"],
  [104, "ECONNRESET", "Reset"],
  [71, "EPROTO", "Aborted"],
  [103, "ECONNABORTED", "Aborted"],
  [98, "EADDRINUSE", "AddressInUse"],
  [19, "ENODEV", "AddressNotAvailable"],
  [99, "EADDRNOTAVAIL", "AddressNotAvailable"],
  [101, "ENETUNREACH", "Unreachable"],
  [112, "EHOSTDOWN", "Unreachable"],
  [113, "EHOSTUNREACH", "Unreachable"],
  [62, "ETIME", "TimedOut"],
  [110, "ETIMEDOUT", "TimedOut"],
  [108, "ESHUTDOWN", "Closed"],
  [89, "EDESTADDRREQ", "NotConnected"],
  [107, "ENOTCONN", "NotConnected"],
  [106, "EISCONN", "AlreadyConnected"],
  [2, "ENOENT", "InvalidArgument"],
  [14, "EFAULT", "InvalidArgument"],
  [17, "EEXIST", "InvalidArgument"],
  [22, "EINVAL", "InvalidArgument"],
  [33, "EDOM", "InvalidArgument"],
  [40, "ELOOP", "InvalidArgument"],
  [114, "EALREADY", "InvalidArgument"],
  [115, "EINPROGRESS", "InvalidArgument"],
  [9, "EBADF", "InvalidHandle"],
  [77, "EBADFD", "InvalidHandle"],
  [88, "ENOTSOCK", "InvalidHandle"],
  [90, "EMSGSIZE", "TooLong"],
  [1, "EPERM", "PermissionDenied"],
  [13, "EACCES", "PermissionDenied"],
  [11, "EAGAIN", "ResourceExhausted"],
  [12, "ENOMEM", "ResourceExhausted"],
  [23, "ENFILE", "ResourceExhausted"],
  [24, "EMFILE", "ResourceExhausted"],
  [28, "ENOSPC", "ResourceExhausted"],
  [105, "ENOBUFS", "ResourceExhausted"],
  [38, "ENOSYS", "Unsupported"],
  [92, "ENOPROTOOPT", "Unsupported"],
  [93, "EPROTONOSUPPORT", "Unsupported"],
  [94, "ESOCKTNOSUPPORT", "Unsupported"],
  [95, "EOPNOTSUPP", "Unsupported"],
  [96, "EPFNOSUPPORT", "Unsupported"],
  [97, "EAFNOSUPPORT", "Unsupported"],
  [4, "EINTR", "Cancelled"],
  [125, "ECANCELED", "Cancelled"],
  [64, "ENONET", "NetworkDown"],
  [100, "ENETDOWN", "NetworkDown"],
  [3, "ESRCH", "Unknown"],
  [5, "EIO", "Unknown"],
  [133, "EHWPOISON", "Unknown"],
  [41, "errno 41", "Unknown"],
  [9999, "errno 9999", "Unknown"],
  [0, "errno 0", "Unknown"],
  [-111, "errno -111", "Unknown"]
]

describe("errno", () => {
  for (const [code, codeName, reason] of rows) {
    it(`${code} ${codeName}: ${reason}`, () => {
      expectError(fromErrno(code, call), { code, codeName, reason })
      assert.strictEqual(errnoName(code), codeName)
    })
  }

  it("has a name for every number from 1 to 133 that Linux assigns", () => {
    const expected = Array.from({ length: 133 }, (_, index) => index + 1).filter((n) => n !== 41 && n !== 58)
    assert.deepStrictEqual(
      errnoRows.map(([code]) => code),
      expected
    )
    assert.strictEqual(new Set(errnoRows.map(([, name]) => name)).size, expected.length)
  })

  it.runIf(process.platform === "linux")("agrees with the names that this Linux gives", () => {
    // Where Linux has two names for a number, the table has the first.
    const aliases: Record<string, string> = { EWOULDBLOCK: "EAGAIN", ENOTSUP: "EOPNOTSUPP" }
    for (const [name, code] of Object.entries(constants.errno)) {
      assert.strictEqual(errnoName(code), aliases[name] ?? name)
    }
  })

  it("prints the name, the number and the call", () => {
    const refused = fromErrno(111, { operation: "connect", syscall: "connect", address: "127.0.0.1:80" })
    assert.strictEqual(
      refused.message,
      "connect 127.0.0.1:80: connection refused (ECONNREFUSED 111 from connect). Is a server listening there?"
    )
    assert.include(fromErrno(9999, call).message, "(errno 9999 from recv)")
  })

  it("0 is not a failure, and the error says so", () => {
    assert.include(fromErrno(0, call).message, "no failure")
  })

  it.prop("is total", [anyCode], ([code]) => expectTotal(fromErrno(code, call)))
})
