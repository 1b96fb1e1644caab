/**
 * Winsock and Win32 codes, by name and by what they mean to somebody who uses sockets, pipes or ports.
 *
 * The two share one space of numbers: `WSAGetLastError` is `GetLastError`, and answers Win32 codes as well as
 * those from 10000 on. A number has one name here, the one that `GetLastError` is documented with (995 is
 * `ERROR_OPERATION_ABORTED`, not its alias `WSA_OPERATION_ABORTED`). Codes that say "no failure" (0, 996, 997)
 * do not belong in an error; they are here so that the table is total.
 *
 * @since 0.1.0
 */
import { type CodeDetails, type CodeRow, codeTable, fromCode, notAFailure } from "./CodeTable.js"
import type { SocketError } from "./Errors.js"
import type { SystemCall } from "./SystemCall.js"

const brokenProvider =
  "A Winsock provider of this Windows is broken (`netsh winsock reset` restores the default)."
const noSuchPipe = "Nothing has that name. Is the program running that makes it?"
const peerEnded = "The peer has ended the connection in good order."
const pipeEnded = "The other end of the pipe was closed."
const tryAgain = "The system cannot do it at once. Try again later."
const underWay = "An earlier call on this socket is still under way."

/** @internal */
export const wsaRows: ReadonlyArray<CodeRow> = [
  [10004, "WSAEINTR", "Cancelled"],
  [10009, "WSAEBADF", "InvalidHandle"],
  [10013, "WSAEACCES", "PermissionDenied"],
  [10014, "WSAEFAULT", "InvalidArgument"],
  [10022, "WSAEINVAL", "InvalidArgument"],
  [10024, "WSAEMFILE", "ResourceExhausted"],
  [10035, "WSAEWOULDBLOCK", "ResourceExhausted", tryAgain],
  [10036, "WSAEINPROGRESS", "InvalidArgument", underWay],
  [10037, "WSAEALREADY", "InvalidArgument", underWay],
  [10038, "WSAENOTSOCK", "InvalidHandle"],
  [10039, "WSAEDESTADDRREQ", "NotConnected"],
  [10040, "WSAEMSGSIZE", "TooLong"],
  [10041, "WSAEPROTOTYPE", "InvalidArgument"],
  [10042, "WSAENOPROTOOPT", "Unsupported"],
  [10043, "WSAEPROTONOSUPPORT", "Unsupported"],
  [10044, "WSAESOCKTNOSUPPORT", "Unsupported"],
  [10045, "WSAEOPNOTSUPP", "Unsupported"],
  [10046, "WSAEPFNOSUPPORT", "Unsupported"],
  [10047, "WSAEAFNOSUPPORT", "Unsupported", "This system, or this socket, does not do this address family."],
  [10048, "WSAEADDRINUSE", "AddressInUse"],
  [10049, "WSAEADDRNOTAVAIL", "AddressNotAvailable"],
  [10050, "WSAENETDOWN", "NetworkDown"],
  [10051, "WSAENETUNREACH", "Unreachable"],
  [10052, "WSAENETRESET", "Reset"],
  [10053, "WSAECONNABORTED", "Aborted"],
  [10054, "WSAECONNRESET", "Reset"],
  [
    10055,
    "WSAENOBUFS",
    "ResourceExhausted",
    "Windows has no buffers or no local ports left. Close some sockets, or try again later."
  ],
  [10056, "WSAEISCONN", "AlreadyConnected"],
  [10057, "WSAENOTCONN", "NotConnected"],
  [10058, "WSAESHUTDOWN", "Closed"],
  [10059, "WSAETOOMANYREFS", "ResourceExhausted"],
  [10060, "WSAETIMEDOUT", "TimedOut"],
  [10061, "WSAECONNREFUSED", "Refused"],
  [10062, "WSAELOOP", "InvalidArgument"],
  [10063, "WSAENAMETOOLONG", "InvalidArgument"],
  [10064, "WSAEHOSTDOWN", "Unreachable"],
  [10065, "WSAEHOSTUNREACH", "Unreachable"],
  [10066, "WSAENOTEMPTY"],
  [10067, "WSAEPROCLIM", "ResourceExhausted"],
  [10068, "WSAEUSERS", "ResourceExhausted"],
  [10069, "WSAEDQUOT", "ResourceExhausted"],
  [10070, "WSAESTALE", "InvalidHandle"],
  [10071, "WSAEREMOTE"],
  [10091, "WSASYSNOTREADY", "NetworkDown", "Windows' network services are not running."],
  [10092, "WSAVERNOTSUPPORTED", "Unsupported", "This Windows has no Winsock 2.2."],
  [10093, "WSANOTINITIALISED", "NetworkDown", "WSAStartup has not run in this process."],
  [10101, "WSAEDISCON", "NotConnected", peerEnded],
  [10102, "WSAENOMORE"],
  [10103, "WSAECANCELLED", "Cancelled"],
  [10104, "WSAEINVALIDPROCTABLE", "NetworkDown", brokenProvider],
  [10105, "WSAEINVALIDPROVIDER", "NetworkDown", brokenProvider],
  [10106, "WSAEPROVIDERFAILEDINIT", "NetworkDown", brokenProvider],
  [10107, "WSASYSCALLFAILURE"],
  [10108, "WSASERVICE_NOT_FOUND", "InvalidArgument", "No service has that name. Give the port as a number."],
  [10109, "WSATYPE_NOT_FOUND", "InvalidArgument", "No service has that name. Give the port as a number."],
  [10110, "WSA_E_NO_MORE"],
  [10111, "WSA_E_CANCELLED", "Cancelled"],
  [10112, "WSAEREFUSED", "ResolverFailed"],
  [11001, "WSAHOST_NOT_FOUND", "HostNotFound"],
  [11002, "WSATRY_AGAIN", "ResolverFailed"],
  [11003, "WSANO_RECOVERY", "ResolverFailed"],
  [11004, "WSANO_DATA", "HostNotFound"],
  [11032, "WSA_SECURE_HOST_NOT_FOUND", "HostNotFound"],
  [11033, "WSA_IPSEC_NAME_POLICY_ERROR", "ResolverFailed"]
]

/** @internal */
export const win32Rows: ReadonlyArray<CodeRow> = [
  [0, "ERROR_SUCCESS", "Unknown", notAFailure],
  [1, "ERROR_INVALID_FUNCTION", "Unsupported"],
  [2, "ERROR_FILE_NOT_FOUND", "Refused", noSuchPipe],
  [3, "ERROR_PATH_NOT_FOUND", "Refused", noSuchPipe],
  [4, "ERROR_TOO_MANY_OPEN_FILES", "ResourceExhausted"],
  [5, "ERROR_ACCESS_DENIED", "PermissionDenied"],
  [6, "ERROR_INVALID_HANDLE", "InvalidHandle"],
  [8, "ERROR_NOT_ENOUGH_MEMORY", "ResourceExhausted"],
  [13, "ERROR_INVALID_DATA", "InvalidData"],
  [14, "ERROR_OUTOFMEMORY", "ResourceExhausted"],
  [19, "ERROR_WRITE_PROTECT"],
  [21, "ERROR_NOT_READY", "ResourceExhausted", tryAgain],
  [23, "ERROR_CRC"],
  [31, "ERROR_GEN_FAILURE"],
  [32, "ERROR_SHARING_VIOLATION", "AddressInUse", "Another program holds it exclusively."],
  [33, "ERROR_LOCK_VIOLATION"],
  [38, "ERROR_HANDLE_EOF", "InvalidArgument", "The file or pipe ends before that offset."],
  [39, "ERROR_HANDLE_DISK_FULL"],
  [50, "ERROR_NOT_SUPPORTED", "Unsupported"],
  [51, "ERROR_REM_NOT_LIST", "Refused"],
  [52, "ERROR_DUP_NAME", "AddressInUse"],
  [53, "ERROR_BAD_NETPATH", "Unreachable"],
  [54, "ERROR_NETWORK_BUSY", "NetworkDown"],
  [57, "ERROR_ADAP_HDW_ERR", "NetworkDown"],
  [58, "ERROR_BAD_NET_RESP", "NetworkDown"],
  [59, "ERROR_UNEXP_NET_ERR", "NetworkDown"],
  [64, "ERROR_NETNAME_DELETED", "Reset"],
  [65, "ERROR_NETWORK_ACCESS_DENIED", "PermissionDenied"],
  [68, "ERROR_TOO_MANY_NAMES", "ResourceExhausted"],
  [69, "ERROR_TOO_MANY_SESS", "ResourceExhausted"],
  [71, "ERROR_REQ_NOT_ACCEP", "ResourceExhausted"],
  [80, "ERROR_FILE_EXISTS"],
  [87, "ERROR_INVALID_PARAMETER", "InvalidArgument"],
  [109, "ERROR_BROKEN_PIPE", "Reset", pipeEnded],
  [112, "ERROR_DISK_FULL"],
  [120, "ERROR_CALL_NOT_IMPLEMENTED", "Unsupported"],
  [121, "ERROR_SEM_TIMEOUT", "TimedOut"],
  [122, "ERROR_INSUFFICIENT_BUFFER", "InvalidArgument"],
  [123, "ERROR_INVALID_NAME", "InvalidArgument"],
  [126, "ERROR_MOD_NOT_FOUND", "Unsupported", "This Windows lacks the library."],
  [127, "ERROR_PROC_NOT_FOUND", "Unsupported", "This Windows lacks the function."],
  [131, "ERROR_NEGATIVE_SEEK"],
  [161, "ERROR_BAD_PATHNAME", "InvalidArgument"],
  [170, "ERROR_BUSY", "ResourceExhausted", tryAgain],
  [183, "ERROR_ALREADY_EXISTS", "AddressInUse"],
  [206, "ERROR_FILENAME_EXCED_RANGE", "InvalidArgument"],
  [223, "ERROR_FILE_TOO_LARGE"],
  [230, "ERROR_BAD_PIPE", "NotConnected"],
  [231, "ERROR_PIPE_BUSY", "ResourceExhausted", "Every instance of the pipe has a client. Try again later."],
  [232, "ERROR_NO_DATA", "Reset", pipeEnded],
  [233, "ERROR_PIPE_NOT_CONNECTED", "NotConnected"],
  [234, "ERROR_MORE_DATA", "TooLong"],
  [240, "ERROR_VC_DISCONNECTED", "Reset"],
  [258, "WAIT_TIMEOUT", "TimedOut"],
  [259, "ERROR_NO_MORE_ITEMS"],
  [267, "ERROR_DIRECTORY"],
  [303, "ERROR_DELETE_PENDING"],
  [487, "ERROR_INVALID_ADDRESS", "InvalidArgument"],
  [535, "ERROR_PIPE_CONNECTED", "AlreadyConnected"],
  [536, "ERROR_PIPE_LISTENING", "NotConnected"],
  [676, "ERROR_HANDLES_CLOSED", "Cancelled"],
  [
    735,
    "ERROR_ABANDONED_WAIT_0",
    "InvalidHandle",
    "The completion port was closed while somebody waited on it."
  ],
  [995, "ERROR_OPERATION_ABORTED", "Cancelled"],
  [996, "ERROR_IO_INCOMPLETE", "Unknown", notAFailure],
  [997, "ERROR_IO_PENDING", "Unknown", notAFailure],
  [998, "ERROR_NOACCESS", "InvalidArgument"],
  [1004, "ERROR_INVALID_FLAGS", "InvalidArgument"],
  [1022, "ERROR_NOTIFY_ENUM_DIR"],
  [1117, "ERROR_IO_DEVICE"],
  [1130, "ERROR_NOT_ENOUGH_SERVER_MEMORY", "ResourceExhausted"],
  [1168, "ERROR_NOT_FOUND", "InvalidArgument", "Nothing was pending that could be cancelled."],
  [1214, "ERROR_INVALID_NETNAME", "InvalidArgument"],
  [1222, "ERROR_NO_NETWORK", "NetworkDown"],
  [1223, "ERROR_CANCELLED", "Cancelled"],
  [1225, "ERROR_CONNECTION_REFUSED", "Refused"],
  [1226, "ERROR_GRACEFUL_DISCONNECT", "NotConnected", peerEnded],
  [1227, "ERROR_ADDRESS_ALREADY_ASSOCIATED", "AddressInUse"],
  [1228, "ERROR_ADDRESS_NOT_ASSOCIATED", "InvalidArgument", "Bind the socket first."],
  [1229, "ERROR_CONNECTION_INVALID", "NotConnected"],
  [1230, "ERROR_CONNECTION_ACTIVE", "AlreadyConnected"],
  [1231, "ERROR_NETWORK_UNREACHABLE", "Unreachable"],
  [1232, "ERROR_HOST_UNREACHABLE", "Unreachable"],
  [1233, "ERROR_PROTOCOL_UNREACHABLE", "Unreachable"],
  [1234, "ERROR_PORT_UNREACHABLE", "Refused"],
  [1235, "ERROR_REQUEST_ABORTED", "Cancelled"],
  [1236, "ERROR_CONNECTION_ABORTED", "Aborted"],
  [1237, "ERROR_RETRY", "ResourceExhausted", tryAgain],
  [1238, "ERROR_CONNECTION_COUNT_LIMIT", "ResourceExhausted"],
  [1256, "ERROR_HOST_DOWN", "Unreachable"],
  [1295, "ERROR_DISK_QUOTA_EXCEEDED"],
  [1314, "ERROR_PRIVILEGE_NOT_HELD", "PermissionDenied"],
  [1450, "ERROR_NO_SYSTEM_RESOURCES", "ResourceExhausted"],
  [1451, "ERROR_NONPAGED_SYSTEM_RESOURCES", "ResourceExhausted"],
  [1452, "ERROR_PAGED_SYSTEM_RESOURCES", "ResourceExhausted"],
  [1453, "ERROR_WORKING_SET_QUOTA", "ResourceExhausted"],
  [1454, "ERROR_PAGEFILE_QUOTA", "ResourceExhausted"],
  [1455, "ERROR_COMMITMENT_LIMIT", "ResourceExhausted"],
  [1460, "ERROR_TIMEOUT", "TimedOut"],
  [1784, "ERROR_INVALID_USER_BUFFER", "ResourceExhausted", "Too many operations may be pending at once."],
  [1816, "ERROR_NOT_ENOUGH_QUOTA", "ResourceExhausted"],
  [1920, "ERROR_CANT_ACCESS_FILE"],
  [1921, "ERROR_CANT_RESOLVE_FILENAME"]
]

const table = codeTable([...wsaRows, ...win32Rows])

/**
 * The name of a Winsock code: `WSAECONNREFUSED` for 10061, `WSA 19999` for one that is not in the table.
 *
 * @since 0.1.0
 * @category names
 */
export const wsaName = (code: number): string => table.get(code)?.[1] ?? `WSA ${code}`

/**
 * The name of a Win32 code: `ERROR_NETNAME_DELETED` for 64, `Win32 9999` for one that is not in the table.
 *
 * @since 0.1.0
 * @category names
 */
export const win32Name = (code: number): string => table.get(code)?.[1] ?? `Win32 ${code}`

/**
 * The error for a code of either kind whose name is known already.
 *
 * @internal
 */
export const windowsError = (details: CodeDetails): SocketError => fromCode(table, details)

/**
 * The error for what `WSAGetLastError` answered. Total: a code that is not in the table is a `NetworkError` with
 * the reason `Unknown`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromWsa = (code: number, call: SystemCall): SocketError =>
  windowsError({ ...call, code, codeName: wsaName(code) })

/**
 * The error for what `GetLastError` answered. Total, as `fromWsa` is.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromWin32 = (code: number, call: SystemCall): SocketError =>
  windowsError({ ...call, code, codeName: win32Name(code) })
