/**
 * NTSTATUS values, as completion packets bring them, and the Winsock or Win32 codes that stand for them.
 *
 * A packet carries the kernel's own status (`OVERLAPPED.Internal`), and the codes that programs know are a
 * translation of it. Two are in use: Winsock's, which tells a reset from an abort, and the general one
 * (`RtlNtStatusToDosError`), which calls both 64, `ERROR_NETNAME_DELETED`. This table is Winsock's where sockets
 * can give the status, and the general one for what only pipes and files give. It departs from them here:
 *
 * - A cancelled operation is 995 (`ERROR_OPERATION_ABORTED`), and so is one whose handle was closed while it was
 *   pending (`STATUS_HANDLES_CLOSED`).
 * - What this side closed is never the peer's reset (`STATUS_ADDRESS_CLOSED` is 10058, not 64).
 * - Winsock makes 10022 (`WSAEINVAL`) of every status it does not know. Here the status is kept as it is.
 *
 * A second, short table has the general codes of those statuses that sockets and pipes and files all give: what is a
 * shutdown of a socket's (`STATUS_PIPE_DISCONNECTED`, 10058) is a pipe that its server has disconnected (233).
 *
 * @since 0.1.0
 */
import { notAFailure } from "./CodeTable.js"
import type { SocketError } from "./Errors.js"
import { hex32 } from "./Message.js"
import { type SystemCall, socketError } from "./SystemCall.js"
import { win32Name, windowsError } from "./WsaTable.js"

/**
 * One status: its number, its name, and the Winsock or Win32 code that stands for it.
 *
 * @internal
 */
export type StatusRow = readonly [status: number, name: string, code: number]

/** @internal */
export const ntStatusRows: ReadonlyArray<StatusRow> = [
  [0x00000000, "STATUS_SUCCESS", 0],
  [0x00000102, "STATUS_TIMEOUT", 10060],
  [0x00000103, "STATUS_PENDING", 997],
  [0x80000002, "STATUS_DATATYPE_MISALIGNMENT", 10014],
  [0x80000005, "STATUS_BUFFER_OVERFLOW", 10040],
  [0x8000000a, "STATUS_HANDLES_CLOSED", 995],
  [0xc0000001, "STATUS_UNSUCCESSFUL", 31],
  [0xc0000002, "STATUS_NOT_IMPLEMENTED", 10045],
  [0xc0000005, "STATUS_ACCESS_VIOLATION", 10014],
  [0xc0000007, "STATUS_PAGEFILE_QUOTA", 10055],
  [0xc0000008, "STATUS_INVALID_HANDLE", 10038],
  [0xc000000d, "STATUS_INVALID_PARAMETER", 10022],
  [0xc000000e, "STATUS_NO_SUCH_DEVICE", 10050],
  [0xc000000f, "STATUS_NO_SUCH_FILE", 10050],
  [0xc0000010, "STATUS_INVALID_DEVICE_REQUEST", 10022],
  [0xc0000011, "STATUS_END_OF_FILE", 38],
  [0xc0000017, "STATUS_NO_MEMORY", 10055],
  [0xc0000018, "STATUS_CONFLICTING_ADDRESSES", 10055],
  [0xc0000022, "STATUS_ACCESS_DENIED", 10013],
  [0xc0000023, "STATUS_BUFFER_TOO_SMALL", 10014],
  [0xc0000024, "STATUS_OBJECT_TYPE_MISMATCH", 10038],
  [0xc0000030, "STATUS_INVALID_PARAMETER_MIX", 10022],
  [0xc0000033, "STATUS_OBJECT_NAME_INVALID", 123],
  [0xc0000034, "STATUS_OBJECT_NAME_NOT_FOUND", 10050],
  [0xc0000035, "STATUS_OBJECT_NAME_COLLISION", 183],
  [0xc000003a, "STATUS_OBJECT_PATH_NOT_FOUND", 10050],
  [0xc000003e, "STATUS_DATA_ERROR", 23],
  [0xc000003f, "STATUS_CRC_ERROR", 23],
  [0xc0000043, "STATUS_SHARING_VIOLATION", 10048],
  [0xc0000044, "STATUS_QUOTA_EXCEEDED", 10055],
  [0xc0000054, "STATUS_FILE_LOCK_CONFLICT", 33],
  [0xc0000056, "STATUS_DELETE_PENDING", 303],
  [0xc0000061, "STATUS_PRIVILEGE_NOT_HELD", 10013],
  [0xc000007f, "STATUS_DISK_FULL", 112],
  [0xc0000097, "STATUS_TOO_MANY_PAGING_FILES", 10055],
  [0xc000009a, "STATUS_INSUFFICIENT_RESOURCES", 10055],
  [0xc00000a2, "STATUS_MEDIA_WRITE_PROTECTED", 19],
  [0xc00000a1, "STATUS_WORKING_SET_QUOTA", 10055],
  [0xc00000a3, "STATUS_DEVICE_NOT_READY", 10035],
  [0xc00000ab, "STATUS_INSTANCE_NOT_AVAILABLE", 231],
  [0xc00000ac, "STATUS_PIPE_NOT_AVAILABLE", 231],
  [0xc00000ad, "STATUS_INVALID_PIPE_STATE", 230],
  [0xc00000ae, "STATUS_PIPE_BUSY", 231],
  [0xc00000b0, "STATUS_PIPE_DISCONNECTED", 10058],
  [0xc00000b1, "STATUS_PIPE_CLOSING", 232],
  [0xc00000b2, "STATUS_PIPE_CONNECTED", 535],
  [0xc00000b3, "STATUS_PIPE_LISTENING", 536],
  [0xc00000b5, "STATUS_IO_TIMEOUT", 10060],
  [0xc00000b6, "STATUS_FILE_FORCED_CLOSED", 10038],
  [0xc00000ba, "STATUS_FILE_IS_A_DIRECTORY", 5],
  [0xc00000bb, "STATUS_NOT_SUPPORTED", 10045],
  [0xc00000bc, "STATUS_REMOTE_NOT_LISTENING", 10061],
  [0xc00000be, "STATUS_BAD_NETWORK_PATH", 10051],
  [0xc00000bf, "STATUS_NETWORK_BUSY", 10050],
  [0xc00000c3, "STATUS_INVALID_NETWORK_RESPONSE", 10050],
  [0xc00000c4, "STATUS_UNEXPECTED_NETWORK_ERROR", 10050],
  [0xc00000c9, "STATUS_NETWORK_NAME_DELETED", 64],
  [0xc00000ca, "STATUS_NETWORK_ACCESS_DENIED", 10013],
  [0xc00000d0, "STATUS_REQUEST_NOT_ACCEPTED", 10035],
  [0xc00000d6, "STATUS_VIRTUAL_CIRCUIT_CLOSED", 10054],
  [0xc00000d9, "STATUS_PIPE_EMPTY", 232],
  [0xc0000103, "STATUS_NOT_A_DIRECTORY", 267],
  [0xc0000106, "STATUS_NAME_TOO_LONG", 10063],
  [0xc000011f, "STATUS_TOO_MANY_OPENED_FILES", 10024],
  [0xc0000120, "STATUS_CANCELLED", 995],
  [0xc0000123, "STATUS_FILE_DELETED", 5],
  [0xc0000128, "STATUS_FILE_CLOSED", 10038],
  [0xc000012d, "STATUS_COMMITMENT_LIMIT", 10055],
  [0xc000013b, "STATUS_LOCAL_DISCONNECT", 10053],
  [0xc000013c, "STATUS_REMOTE_DISCONNECT", 10054],
  [0xc000013d, "STATUS_REMOTE_RESOURCES", 10055],
  [0xc000013e, "STATUS_LINK_FAILED", 10054],
  [0xc000013f, "STATUS_LINK_TIMEOUT", 10060],
  [0xc0000140, "STATUS_INVALID_CONNECTION", 10057],
  [0xc0000141, "STATUS_INVALID_ADDRESS", 10049],
  [0xc000014b, "STATUS_PIPE_BROKEN", 109],
  [0xc0000185, "STATUS_IO_DEVICE_ERROR", 1117],
  [0xc0000206, "STATUS_INVALID_BUFFER_SIZE", 10040],
  [0xc0000207, "STATUS_INVALID_ADDRESS_COMPONENT", 10049],
  [0xc0000209, "STATUS_TOO_MANY_ADDRESSES", 10055],
  [0xc000020a, "STATUS_ADDRESS_ALREADY_EXISTS", 10048],
  [0xc000020b, "STATUS_ADDRESS_CLOSED", 10058],
  [0xc000020c, "STATUS_CONNECTION_DISCONNECTED", 10054],
  [0xc000020d, "STATUS_CONNECTION_RESET", 10054],
  [0xc000020f, "STATUS_TRANSACTION_ABORTED", 10053],
  [0xc0000225, "STATUS_NOT_FOUND", 1168],
  [0xc000022d, "STATUS_RETRY", 10035],
  [0xc0000236, "STATUS_CONNECTION_REFUSED", 10061],
  [0xc0000237, "STATUS_GRACEFUL_DISCONNECT", 10101],
  [0xc0000238, "STATUS_ADDRESS_ALREADY_ASSOCIATED", 10048],
  [0xc0000239, "STATUS_ADDRESS_NOT_ASSOCIATED", 1228],
  [0xc000023a, "STATUS_CONNECTION_INVALID", 10057],
  [0xc000023b, "STATUS_CONNECTION_ACTIVE", 10056],
  [0xc000023c, "STATUS_NETWORK_UNREACHABLE", 10051],
  [0xc000023d, "STATUS_HOST_UNREACHABLE", 10065],
  [0xc000023e, "STATUS_PROTOCOL_UNREACHABLE", 10051],
  [0xc000023f, "STATUS_PORT_UNREACHABLE", 10054],
  [0xc0000240, "STATUS_REQUEST_ABORTED", 10004],
  [0xc0000241, "STATUS_CONNECTION_ABORTED", 10053],
  [0xc0000246, "STATUS_CONNECTION_COUNT_LIMIT", 10055],
  [0xc0000350, "STATUS_HOST_DOWN", 10064],
  [0xc0000904, "STATUS_FILE_TOO_LARGE", 223],
  [0xc000a012, "STATUS_HOPLIMIT_EXCEEDED", 10052],
  [0xc000a013, "STATUS_PROTOCOL_NOT_SUPPORTED", 10043]
]

/**
 * The general codes (`RtlNtStatusToDosError`) of statuses that the table above has Winsock's codes for.
 *
 * @internal
 */
export const fileStatusCodes: ReadonlyMap<number, number> = new Map([
  [0x80000005, 234],
  [0xc0000002, 1],
  [0xc0000005, 998],
  [0xc0000007, 1454],
  [0xc0000008, 6],
  [0xc000000d, 87],
  [0xc000000f, 2],
  [0xc0000010, 1],
  [0xc0000017, 8],
  [0xc0000022, 5],
  [0xc0000023, 122],
  [0xc0000024, 6],
  [0xc0000034, 2],
  [0xc000003a, 3],
  [0xc0000043, 32],
  [0xc0000044, 1816],
  [0xc0000061, 1314],
  [0xc000009a, 1450],
  [0xc00000a1, 1453],
  [0xc00000a3, 21],
  [0xc00000b0, 233],
  [0xc00000b5, 121],
  [0xc00000bb, 50],
  [0xc00000bc, 51],
  [0xc00000be, 53],
  [0xc00000bf, 54],
  [0xc00000c3, 58],
  [0xc00000c4, 59],
  [0xc00000ca, 65],
  [0xc00000d0, 71],
  [0xc00000d6, 240],
  [0xc0000106, 206],
  [0xc000011f, 4],
  [0xc0000128, 6],
  [0xc000012d, 1455],
  [0xc000020c, 64],
  [0xc000022d, 1237]
])

const table: ReadonlyMap<number, StatusRow> = new Map(ntStatusRows.map((row) => [row[0], row]))

/** Statuses that wrap a Win32 code: facility 7 (`FACILITY_NTWIN32`), and a severity of warning or error. */
const wrappedWin32 = (status: number): number | undefined =>
  ((status >>> 16) & 0xfff) === 7 && isFailure(status) ? status & 0xffff : undefined

/** The two upper bits are the severity: 0 success, 1 information, 2 warning, 3 error. */
const isFailure = (status: number): boolean => status >>> 31 === 1

/**
 * The name of an NTSTATUS, signed or unsigned: `STATUS_CONNECTION_REFUSED` for 0xC0000236, and the number itself
 * (`0xC0001234`) for one that is not in the table.
 *
 * @since 0.1.0
 * @category names
 */
export const ntStatusName = (status: number): string => table.get(status >>> 0)?.[1] ?? hex32(status)

/**
 * The Winsock or Win32 code that stands for an NTSTATUS, signed or unsigned: 10061 for 0xC0000236; `undefined`
 * where none does.
 *
 * @since 0.1.0
 * @category conversions
 */
export const ntStatusToWsa = (status: number): number | undefined =>
  table.get(status >>> 0)?.[2] ?? wrappedWin32(status >>> 0)

/**
 * The error for the NTSTATUS of a completion packet, signed or unsigned. `code` is the Winsock or Win32 code that
 * stands for it, and `status` the value itself.
 *
 * Total: a status that no code stands for is a `NetworkError` with the reason `Unknown` and the status as its
 * code. So is one that reports no failure (`STATUS_SUCCESS`, `STATUS_PENDING`, or any other of success or
 * information severity but `STATUS_TIMEOUT`): nobody should ask for the error of it, and the advice says so.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromNtStatus = (status: number, call: SystemCall): SocketError =>
  fromStatus(status >>> 0, ntStatusToWsa(status), call)

/**
 * The same for a completion packet of a pipe or a file: `code` is the general Win32 code that stands for the status,
 * 233 (`ERROR_PIPE_NOT_CONNECTED`) for 0xC00000B0, say, where a socket's is 10058.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromFileStatus = (status: number, call: SystemCall): SocketError =>
  fromStatus(status >>> 0, fileStatusCodes.get(status >>> 0) ?? ntStatusToWsa(status), call)

const fromStatus = (unsigned: number, code: number | undefined, call: SystemCall): SocketError => {
  const statusName = ntStatusName(unsigned)
  const details = { ...call, status: unsigned, statusName }
  if (code !== undefined) return windowsError({ ...details, code, codeName: win32Name(code) })
  const advice = isFailure(unsigned) ? undefined : notAFailure
  return socketError("Unknown", { ...details, code: unsigned, codeName: statusName, advice })
}
