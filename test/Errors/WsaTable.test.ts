import { constants } from "node:os"
import { assert, describe, it } from "@effect/vitest"
import { fromWin32, fromWsa, type SocketErrorReason, win32Name, wsaName } from "../../src/Errors/index.js"
import { win32Rows, wsaRows } from "../../src/Errors/WsaTable.js"
import { anyCode, call, expectError, expectTotal } from "./expectations.js"

const winsock: ReadonlyArray<readonly [code: number, codeName: string, reason: SocketErrorReason]> = [
  [10004, "WSAEINTR", "Cancelled"],
  [10009, "WSAEBADF", "InvalidHandle"],
  [10013, "WSAEACCES", "PermissionDenied"],
  [10014, "WSAEFAULT", "InvalidArgument"],
  [10022, "WSAEINVAL", "InvalidArgument"],
  [10024, "WSAEMFILE", "ResourceExhausted"],
  [10035, "WSAEWOULDBLOCK", "ResourceExhausted"],
  [10036, "WSAEINPROGRESS", "InvalidArgument"],
  [10037, "WSAEALREADY", "InvalidArgument"],
  [10038, "WSAENOTSOCK", "InvalidHandle"],
  [10039, "WSAEDESTADDRREQ", "NotConnected"],
  [10040, "WSAEMSGSIZE", "TooLong"],
  [10041, "WSAEPROTOTYPE", "InvalidArgument"],
  [10042, "WSAENOPROTOOPT", "Unsupported"],
  [10043, "WSAEPROTONOSUPPORT", "Unsupported"],
  [10044, "WSAESOCKTNOSUPPORT", "Unsupported"],
  [10045, "WSAEOPNOTSUPP", "Unsupported"],
  [10046, "WSAEPFNOSUPPORT", "Unsupported"],
  [10047, "WSAEAFNOSUPPORT", "Unsupported"],
  [10048, "WSAEADDRINUSE", "AddressInUse"],
  [10049, "WSAEADDRNOTAVAIL", "AddressNotAvailable"],
  [10050, "WSAENETDOWN", "NetworkDown"],
  [10051, "WSAENETUNREACH", "Unreachable"],
  [10052, "WSAENETRESET", "Reset"],
  [10053, "WSAECONNABORTED", "Aborted"],
  [10054, "WSAECONNRESET", "Reset"],
  [10055, "WSAENOBUFS", "ResourceExhausted"],
  [10056, "WSAEISCONN", "AlreadyConnected"],
  [10057, "WSAENOTCONN", "NotConnected"],
  [10058, "WSAESHUTDOWN", "Closed"],
  [10060, "WSAETIMEDOUT", "TimedOut"],
  [10061, "WSAECONNREFUSED", "Refused"],
  [10064, "WSAEHOSTDOWN", "Unreachable"],
  [10065, "WSAEHOSTUNREACH", "Unreachable"],
  [10066, "WSAENOTEMPTY", "Unknown"],
  [10067, "WSAEPROCLIM", "ResourceExhausted"],
  [10091, "WSASYSNOTREADY", "NetworkDown"],
  [10092, "WSAVERNOTSUPPORTED", "Unsupported"],
  [10093, "WSANOTINITIALISED", "NetworkDown"],
  [10101, "WSAEDISCON", "NotConnected"],
  [10111, "WSA_E_CANCELLED", "Cancelled"],
  [11001, "WSAHOST_NOT_FOUND", "HostNotFound"],
  [11002, "WSATRY_AGAIN", "ResolverFailed"],
  [11003, "WSANO_RECOVERY", "ResolverFailed"],
  [11004, "WSANO_DATA", "HostNotFound"],
  [19999, "WSA 19999", "Unknown"]
]

const win32: ReadonlyArray<readonly [code: number, codeName: string, reason: SocketErrorReason]> = [
  [0, "ERROR_SUCCESS", "Unknown"],
  [2, "ERROR_FILE_NOT_FOUND", "Refused"],
  [5, "ERROR_ACCESS_DENIED", "PermissionDenied"],
  [6, "ERROR_INVALID_HANDLE", "InvalidHandle"],
  [8, "ERROR_NOT_ENOUGH_MEMORY", "ResourceExhausted"],
  [38, "ERROR_HANDLE_EOF", "InvalidArgument"],
  [50, "ERROR_NOT_SUPPORTED", "Unsupported"],
  [64, "ERROR_NETNAME_DELETED", "Reset"],
  [87, "ERROR_INVALID_PARAMETER", "InvalidArgument"],
  [109, "ERROR_BROKEN_PIPE", "Reset"],
  [121, "ERROR_SEM_TIMEOUT", "TimedOut"],
  [127, "ERROR_PROC_NOT_FOUND", "Unsupported"],
  [231, "ERROR_PIPE_BUSY", "ResourceExhausted"],
  [232, "ERROR_NO_DATA", "Reset"],
  [233, "ERROR_PIPE_NOT_CONNECTED", "NotConnected"],
  [234, "ERROR_MORE_DATA", "TooLong"],
  [258, "WAIT_TIMEOUT", "TimedOut"],
  [535, "ERROR_PIPE_CONNECTED", "AlreadyConnected"],
  [536, "ERROR_PIPE_LISTENING", "NotConnected"],
  [735, "ERROR_ABANDONED_WAIT_0", "InvalidHandle"],
  [995, "ERROR_OPERATION_ABORTED", "Cancelled"],
  [997, "ERROR_IO_PENDING", "Unknown"],
  [1168, "ERROR_NOT_FOUND", "InvalidArgument"],
  [1225, "ERROR_CONNECTION_REFUSED", "Refused"],
  [1226, "ERROR_GRACEFUL_DISCONNECT", "NotConnected"],
  [1227, "ERROR_ADDRESS_ALREADY_ASSOCIATED", "AddressInUse"],
  [1231, "ERROR_NETWORK_UNREACHABLE", "Unreachable"],
  [1232, "ERROR_HOST_UNREACHABLE", "Unreachable"],
  [1234, "ERROR_PORT_UNREACHABLE", "Refused"],
  [1235, "ERROR_REQUEST_ABORTED", "Cancelled"],
  [1236, "ERROR_CONNECTION_ABORTED", "Aborted"],
  [1450, "ERROR_NO_SYSTEM_RESOURCES", "ResourceExhausted"],
  [1460, "ERROR_TIMEOUT", "TimedOut"],
  [9999, "Win32 9999", "Unknown"],
  [-1, "Win32 -1", "Unknown"]
]

describe("Winsock codes", () => {
  for (const [code, codeName, reason] of winsock) {
    it(`${code} ${codeName}: ${reason}`, () => {
      expectError(fromWsa(code, call), { code, codeName, reason })
      assert.strictEqual(wsaName(code), codeName)
    })
  }

  it.runIf(process.platform === "win32")("agree with the names that this Windows gives", () => {
    const names = Object.entries(constants.errno).filter(([name]) => name.startsWith("WSA"))
    assert.isNotEmpty(names)
    for (const [name, code] of names) assert.strictEqual(wsaName(code), name)
  })

  it("print the name, the number and the call", () => {
    assert.strictEqual(
      fromWsa(10054, call).message,
      "read 127.0.0.1:80: the peer reset the connection (WSAECONNRESET 10054 from recv). " +
        "What was sent last may not have arrived. Connect again."
    )
    assert.include(fromWsa(19999, call).message, "(WSA 19999 from recv)")
  })

  it.prop("are total", [anyCode], ([code]) => expectTotal(fromWsa(code, call)))
})

describe("Win32 codes", () => {
  for (const [code, codeName, reason] of win32) {
    it(`${code} ${codeName}: ${reason}`, () => {
      expectError(fromWin32(code, call), { code, codeName, reason })
      assert.strictEqual(win32Name(code), codeName)
    })
  }

  it("share their numbers with Winsock's", () => {
    for (const [code, codeName] of wsaRows) assert.strictEqual(win32Name(code), codeName)
    for (const [code, codeName] of win32Rows) assert.strictEqual(wsaName(code), codeName)
    const codes = [...wsaRows, ...win32Rows].map(([code]) => code)
    assert.strictEqual(new Set(codes).size, codes.length)
  })

  it("that report no failure say so", () => {
    for (const code of [0, 996, 997]) assert.include(fromWin32(code, call).message, "no failure")
  })

  it.prop("are total", [anyCode], ([code]) => expectTotal(fromWin32(code, call)))
})
