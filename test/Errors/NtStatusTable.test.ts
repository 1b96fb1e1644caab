import { createRequire } from "node:module"
import { assert, describe, it } from "@effect/vitest"
import type * as Koffi from "koffi"
import {
  fromFileStatus,
  fromNtStatus,
  ntStatusName,
  ntStatusToWsa,
  type SocketErrorReason,
  win32Name,
  wsaName
} from "../../src/Errors/index.js"
import { fileStatusCodes, ntStatusRows } from "../../src/Errors/NtStatusTable.js"
import { anyCode, call, expectError, expectTotal } from "./expectations.js"

type Case = readonly [status: number, statusName: string, code: number, reason: SocketErrorReason]

const cases: ReadonlyArray<Case> = [
  [0x00000000, "STATUS_SUCCESS", 0, "Unknown"],
  [0x00000102, "STATUS_TIMEOUT", 10060, "TimedOut"],
  [0x00000103, "STATUS_PENDING", 997, "Unknown"],
  [0x80000005, "STATUS_BUFFER_OVERFLOW", 10040, "TooLong"],
  [0x8000000a, "STATUS_HANDLES_CLOSED", 995, "Cancelled"],
  [0xc0000005, "STATUS_ACCESS_VIOLATION", 10014, "InvalidArgument"],
  [0xc0000008, "STATUS_INVALID_HANDLE", 10038, "InvalidHandle"],
  [0xc000000d, "STATUS_INVALID_PARAMETER", 10022, "InvalidArgument"],
  [0xc0000011, "STATUS_END_OF_FILE", 38, "InvalidArgument"],
  [0xc0000017, "STATUS_NO_MEMORY", 10055, "ResourceExhausted"],
  [0xc0000022, "STATUS_ACCESS_DENIED", 10013, "PermissionDenied"],
  [0xc0000024, "STATUS_OBJECT_TYPE_MISMATCH", 10038, "InvalidHandle"],
  [0xc0000043, "STATUS_SHARING_VIOLATION", 10048, "AddressInUse"],
  [0xc000009a, "STATUS_INSUFFICIENT_RESOURCES", 10055, "ResourceExhausted"],
  [0xc00000a3, "STATUS_DEVICE_NOT_READY", 10035, "ResourceExhausted"],
  [0xc00000ae, "STATUS_PIPE_BUSY", 231, "ResourceExhausted"],
  [0xc00000b0, "STATUS_PIPE_DISCONNECTED", 10058, "Closed"],
  [0xc00000b1, "STATUS_PIPE_CLOSING", 232, "Reset"],
  [0xc00000b2, "STATUS_PIPE_CONNECTED", 535, "AlreadyConnected"],
  [0xc00000b5, "STATUS_IO_TIMEOUT", 10060, "TimedOut"],
  [0xc00000bb, "STATUS_NOT_SUPPORTED", 10045, "Unsupported"],
  [0xc00000bc, "STATUS_REMOTE_NOT_LISTENING", 10061, "Refused"],
  [0xc00000c9, "STATUS_NETWORK_NAME_DELETED", 64, "Reset"],
  [0xc000011f, "STATUS_TOO_MANY_OPENED_FILES", 10024, "ResourceExhausted"],
  [0xc0000120, "STATUS_CANCELLED", 995, "Cancelled"],
  [0xc000013b, "STATUS_LOCAL_DISCONNECT", 10053, "Aborted"],
  [0xc000013c, "STATUS_REMOTE_DISCONNECT", 10054, "Reset"],
  [0xc000013f, "STATUS_LINK_TIMEOUT", 10060, "TimedOut"],
  [0xc0000140, "STATUS_INVALID_CONNECTION", 10057, "NotConnected"],
  [0xc0000141, "STATUS_INVALID_ADDRESS", 10049, "AddressNotAvailable"],
  [0xc000014b, "STATUS_PIPE_BROKEN", 109, "Reset"],
  [0xc0000207, "STATUS_INVALID_ADDRESS_COMPONENT", 10049, "AddressNotAvailable"],
  [0xc0000209, "STATUS_TOO_MANY_ADDRESSES", 10055, "ResourceExhausted"],
  [0xc000020a, "STATUS_ADDRESS_ALREADY_EXISTS", 10048, "AddressInUse"],
  [0xc000020b, "STATUS_ADDRESS_CLOSED", 10058, "Closed"],
  [0xc000020c, "STATUS_CONNECTION_DISCONNECTED", 10054, "Reset"],
  [0xc000020d, "STATUS_CONNECTION_RESET", 10054, "Reset"],
  [0xc000020f, "STATUS_TRANSACTION_ABORTED", 10053, "Aborted"],
  [0xc0000225, "STATUS_NOT_FOUND", 1168, "InvalidArgument"],
  [0xc0000236, "STATUS_CONNECTION_REFUSED", 10061, "Refused"],
  [0xc0000237, "STATUS_GRACEFUL_DISCONNECT", 10101, "NotConnected"],
  [0xc000023b, "STATUS_CONNECTION_ACTIVE", 10056, "AlreadyConnected"],
  [0xc000023c, "STATUS_NETWORK_UNREACHABLE", 10051, "Unreachable"],
  [0xc000023d, "STATUS_HOST_UNREACHABLE", 10065, "Unreachable"],
  [0xc000023e, "STATUS_PROTOCOL_UNREACHABLE", 10051, "Unreachable"],
  [0xc000023f, "STATUS_PORT_UNREACHABLE", 10054, "Reset"],
  [0xc0000240, "STATUS_REQUEST_ABORTED", 10004, "Cancelled"],
  [0xc0000241, "STATUS_CONNECTION_ABORTED", 10053, "Aborted"],
  [0xc0000350, "STATUS_HOST_DOWN", 10064, "Unreachable"],
  [0xc000a012, "STATUS_HOPLIMIT_EXCEEDED", 10052, "Reset"],
  // A status that wraps a Win32 code stands for that code.
  [0xc0070040, "0xC0070040", 64, "Reset"],
  [0x80070005, "0x80070005", 5, "PermissionDenied"],
  [0xc007270f, "0xC007270F", 9999, "Unknown"],
  // What no code stands for is kept as it is.
  [0xc0001234, "0xC0001234", 0xc0001234, "Unknown"],
  [0x00070040, "0x00070040", 0x00070040, "Unknown"],
  [0x40000000, "0x40000000", 0x40000000, "Unknown"]
]

const hex = (status: number) => `0x${status.toString(16).padStart(8, "0")}`

describe("NTSTATUS", () => {
  for (const [status, statusName, code, reason] of cases) {
    it(`${hex(status)} ${statusName}: ${code}, ${reason}`, () => {
      const codeName = code === status && status !== 0 ? statusName : win32Name(code)
      for (const same of [status, status | 0]) {
        const error = fromNtStatus(same, call)
        expectError(error, { code, codeName, reason })
        assert.deepInclude({ ...error }, { status, statusName })
        assert.strictEqual(ntStatusName(same), statusName)
      }
    })
  }

  it("has the Winsock or Win32 code of a status, where one stands for it", () => {
    assert.strictEqual(ntStatusToWsa(0xc0000236), 10061)
    assert.strictEqual(ntStatusToWsa(0xc0000236 | 0), 10061)
    assert.strictEqual(ntStatusToWsa(0xc0070040), 64)
    assert.isUndefined(ntStatusToWsa(0xc0001234))
  })

  it("names every code that it stands for, and no status twice", () => {
    for (const [, , code] of ntStatusRows) assert.notInclude(wsaName(code), " ")
    assert.strictEqual(new Set(ntStatusRows.map(([status]) => status)).size, ntStatusRows.length)
    assert.strictEqual(new Set(ntStatusRows.map(([, name]) => name)).size, ntStatusRows.length)
  })

  it("prints the code and the status", () => {
    const connect = { operation: "connect", syscall: "ConnectEx", address: "127.0.0.1:80" }
    assert.strictEqual(
      fromNtStatus(0xc0000236, connect).message,
      "connect 127.0.0.1:80: connection refused (WSAECONNREFUSED 10061, STATUS_CONNECTION_REFUSED 0xC0000236, " +
        "from ConnectEx). Is a server listening there?"
    )
    assert.include(fromNtStatus(0xc0001234, connect).message, "(0xC0001234 from ConnectEx)")
  })

  it("that reports no failure says so", () => {
    for (const status of [0, 0x103, 0x80, 0x40000000]) {
      assert.include(fromNtStatus(status, call).message, "no failure")
    }
    assert.notInclude(fromNtStatus(0xc0001234, call).message, "no failure")
  })

  it.prop("is total", [anyCode], ([status]) => {
    const error = fromNtStatus(status, call)
    expectTotal(error)
    assert.strictEqual(error.status, status >>> 0)
  })
})

const bindRtlNtStatusToDosError = (): ((status: number) => number) => {
  const koffi = createRequire(import.meta.url)("koffi") as typeof Koffi
  const parameters = ["uint32_t"]
  return koffi
    .load("ntdll.dll")
    .func("__stdcall", "RtlNtStatusToDosError", "uint32_t", parameters) as unknown as (
    status: number
  ) => number
}

describe("NTSTATUS of a pipe or a file", () => {
  const fileCases: ReadonlyArray<Case> = [
    [0x80000005, "STATUS_BUFFER_OVERFLOW", 234, "TooLong"],
    [0xc0000022, "STATUS_ACCESS_DENIED", 5, "PermissionDenied"],
    [0xc0000034, "STATUS_OBJECT_NAME_NOT_FOUND", 2, "Refused"],
    [0xc00000ae, "STATUS_PIPE_BUSY", 231, "ResourceExhausted"],
    [0xc00000b0, "STATUS_PIPE_DISCONNECTED", 233, "NotConnected"],
    [0xc0000120, "STATUS_CANCELLED", 995, "Cancelled"],
    [0xc000014b, "STATUS_PIPE_BROKEN", 109, "Reset"],
    [0xc0001234, "0xC0001234", 0xc0001234, "Unknown"]
  ]
  for (const [status, statusName, code, reason] of fileCases) {
    it(`${hex(status)} ${statusName}: ${code}, ${reason}`, () => {
      const codeName = code === status ? statusName : win32Name(code)
      for (const same of [status, status | 0]) {
        const error = fromFileStatus(same, call)
        expectError(error, { code, codeName, reason })
        assert.deepInclude({ ...error }, { status, statusName })
      }
    })
  }

  it("has names for its codes, and only statuses whose code as a socket's is another", () => {
    for (const [status, code] of fileStatusCodes) {
      assert.notInclude(win32Name(code), " ")
      assert.notStrictEqual(ntStatusToWsa(status), code)
      assert.notInclude(ntStatusName(status), "0x")
    }
  })

  it.runIf(process.platform === "win32")("has the system's own codes", () => {
    const toDosError = bindRtlNtStatusToDosError()
    for (const [status, code] of fileStatusCodes) {
      assert.strictEqual(code, toDosError(status), ntStatusName(status))
    }
  })

  it.prop("is total", [anyCode], ([status]) => {
    const error = fromFileStatus(status, call)
    expectTotal(error)
    assert.strictEqual(error.status, status >>> 0)
  })
})
