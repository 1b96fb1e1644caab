/**
 * Linux errno codes, by name and by what they mean to somebody who uses sockets.
 *
 * The numbers are those of `<asm-generic/errno.h>`, which x86-64 and arm64 share. The names are complete (41 and
 * 58 are not assigned); the reasons are given for what calls on sockets and epoll instances answer. Some codes
 * an engine deals with itself (`EINTR`, `EAGAIN`, `EINPROGRESS`), and they are here so that the table is total.
 *
 * @since 0.1.0
 */
import { type CodeRow, codeTable, fromCode, notAFailure } from "./CodeTable.js"
import type { SocketError } from "./Errors.js"
import { type SystemCall, socketError } from "./SystemCall.js"

const interrupted = "A signal came before the call had done anything. Try again."
const tryAgain = "The system cannot do it at once. Try again later."
const underWay = "An earlier call on this socket is still under way."

/** @internal */
export const errnoRows: ReadonlyArray<CodeRow> = [
  [1, "EPERM", "PermissionDenied"],
  [
    2,
    "ENOENT",
    "InvalidArgument",
    "No such entry: the descriptor is not registered, or no socket has that path."
  ],
  [3, "ESRCH"],
  [4, "EINTR", "Cancelled", interrupted],
  [5, "EIO"],
  [6, "ENXIO"],
  [7, "E2BIG"],
  [8, "ENOEXEC"],
  [9, "EBADF", "InvalidHandle"],
  [10, "ECHILD"],
  [11, "EAGAIN", "ResourceExhausted", tryAgain],
  [12, "ENOMEM", "ResourceExhausted"],
  [13, "EACCES", "PermissionDenied"],
  [14, "EFAULT", "InvalidArgument"],
  [15, "ENOTBLK"],
  [16, "EBUSY"],
  [17, "EEXIST", "InvalidArgument", "It is registered already."],
  [18, "EXDEV"],
  [
    19,
    "ENODEV",
    "AddressNotAvailable",
    "No network interface is that one. Check the interface's name or index."
  ],
  [20, "ENOTDIR", "InvalidArgument", "A part of the path is no folder."],
  [21, "EISDIR"],
  [22, "EINVAL", "InvalidArgument"],
  [
    23,
    "ENFILE",
    "ResourceExhausted",
    "The system has no descriptors left. Close some, or raise its limit (fs.file-max)."
  ],
  [
    24,
    "EMFILE",
    "ResourceExhausted",
    "This process has no descriptors left. Close some, or raise its limit (ulimit -n)."
  ],
  [25, "ENOTTY", "Unsupported"],
  [26, "ETXTBSY"],
  [27, "EFBIG"],
  [
    28,
    "ENOSPC",
    "ResourceExhausted",
    "A limit of the system is reached (for epoll: fs.epoll.max_user_watches)."
  ],
  [29, "ESPIPE"],
  [30, "EROFS", "PermissionDenied", "The file system is there to be read only."],
  [31, "EMLINK"],
  [32, "EPIPE", "Reset"],
  [33, "EDOM", "InvalidArgument"],
  [34, "ERANGE", "InvalidArgument"],
  [35, "EDEADLK"],
  [36, "ENAMETOOLONG", "InvalidArgument"],
  [37, "ENOLCK"],
  [38, "ENOSYS", "Unsupported"],
  [39, "ENOTEMPTY"],
  [40, "ELOOP", "InvalidArgument"],
  [42, "ENOMSG"],
  [43, "EIDRM"],
  [44, "ECHRNG"],
  [45, "EL2NSYNC"],
  [46, "EL3HLT"],
  [47, "EL3RST"],
  [48, "ELNRNG"],
  [49, "EUNATCH"],
  [50, "ENOCSI"],
  [51, "EL2HLT"],
  [52, "EBADE"],
  [53, "EBADR"],
  [54, "EXFULL"],
  [55, "ENOANO"],
  [56, "EBADRQC"],
  [57, "EBADSLT"],
  [59, "EBFONT"],
  [60, "ENOSTR"],
  [61, "ENODATA"],
  [62, "ETIME", "TimedOut"],
  [63, "ENOSR"],
  [64, "ENONET", "NetworkDown"],
  [65, "ENOPKG"],
  [66, "EREMOTE"],
  [67, "ENOLINK"],
  [68, "EADV"],
  [69, "ESRMNT"],
  [70, "ECOMM"],
  [71, "EPROTO", "Aborted", "The peer broke the protocol. Connect again."],
  [72, "EMULTIHOP"],
  [73, "EDOTDOT"],
  [74, "EBADMSG", "InvalidData"],
  [75, "EOVERFLOW", "TooLong"],
  [76, "ENOTUNIQ"],
  [77, "EBADFD", "InvalidHandle"],
  [78, "EREMCHG"],
  [79, "ELIBACC"],
  [80, "ELIBBAD"],
  [81, "ELIBSCN"],
  [82, "ELIBMAX"],
  [83, "ELIBEXEC"],
  [84, "EILSEQ", "InvalidData"],
  [85, "ERESTART", "Cancelled", interrupted],
  [86, "ESTRPIPE"],
  [87, "EUSERS", "ResourceExhausted"],
  [88, "ENOTSOCK", "InvalidHandle"],
  [89, "EDESTADDRREQ", "NotConnected"],
  [90, "EMSGSIZE", "TooLong"],
  [91, "EPROTOTYPE", "InvalidArgument"],
  [92, "ENOPROTOOPT", "Unsupported"],
  [93, "EPROTONOSUPPORT", "Unsupported"],
  [94, "ESOCKTNOSUPPORT", "Unsupported"],
  [95, "EOPNOTSUPP", "Unsupported"],
  [96, "EPFNOSUPPORT", "Unsupported"],
  [97, "EAFNOSUPPORT", "Unsupported", "This system, or this socket, does not do this address family."],
  [98, "EADDRINUSE", "AddressInUse"],
  [99, "EADDRNOTAVAIL", "AddressNotAvailable"],
  [100, "ENETDOWN", "NetworkDown"],
  [101, "ENETUNREACH", "Unreachable"],
  [102, "ENETRESET", "Reset"],
  [103, "ECONNABORTED", "Aborted"],
  [104, "ECONNRESET", "Reset"],
  [105, "ENOBUFS", "ResourceExhausted"],
  [106, "EISCONN", "AlreadyConnected"],
  [107, "ENOTCONN", "NotConnected"],
  [108, "ESHUTDOWN", "Closed"],
  [109, "ETOOMANYREFS", "ResourceExhausted"],
  [110, "ETIMEDOUT", "TimedOut"],
  [111, "ECONNREFUSED", "Refused"],
  [112, "EHOSTDOWN", "Unreachable"],
  [113, "EHOSTUNREACH", "Unreachable"],
  [114, "EALREADY", "InvalidArgument", underWay],
  [115, "EINPROGRESS", "InvalidArgument", underWay],
  [116, "ESTALE", "InvalidHandle"],
  [117, "EUCLEAN"],
  [118, "ENOTNAM"],
  [119, "ENAVAIL"],
  [120, "EISNAM"],
  [121, "EREMOTEIO"],
  [122, "EDQUOT", "ResourceExhausted"],
  [123, "ENOMEDIUM"],
  [124, "EMEDIUMTYPE"],
  [125, "ECANCELED", "Cancelled"],
  [126, "ENOKEY"],
  [127, "EKEYEXPIRED"],
  [128, "EKEYREVOKED"],
  [129, "EKEYREJECTED"],
  [130, "EOWNERDEAD"],
  [131, "ENOTRECOVERABLE"],
  [132, "ERFKILL", "NetworkDown", "A switch turns the radio off (rfkill)."],
  [133, "EHWPOISON"]
]

const table = codeTable(errnoRows)

/**
 * The name of a Linux errno: `ECONNREFUSED` for 111, `errno 9999` for one that Linux does not have.
 *
 * @since 0.1.0
 * @category names
 */
export const errnoName = (code: number): string => table.get(code)?.[1] ?? `errno ${code}`

/**
 * The error for what a Linux system call left in errno. Total: a code that is not in the table, 0 included, is
 * a `NetworkError` with the reason `Unknown`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromErrno = (code: number, call: SystemCall): SocketError => {
  const details = { ...call, code, codeName: errnoName(code) }
  return code === 0 ? socketError("Unknown", { ...details, advice: notAFailure }) : fromCode(table, details)
}
