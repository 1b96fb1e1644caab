/**
 * The numbers that Windows' headers give names to: handles, flags, options, codes and structure sizes.
 *
 * Every one is written as the header has it, so that a reader can compare. Nothing here is evaluated on the
 * platform; the file is pure and loads everywhere.
 *
 * @since 0.1.0
 */

/** `INVALID_HANDLE_VALUE` and `INVALID_SOCKET`, as `intptr_t`. */
export const INVALID_HANDLE_VALUE = -1
export const INVALID_SOCKET = -1
export const SOCKET_ERROR = -1

/** What `GetCurrentProcess` answers, always. */
export const CURRENT_PROCESS = -1
export const DUPLICATE_SAME_ACCESS = 0x2

/** The right to wait for an object. */
export const SYNCHRONIZE = 0x0010_0000

// Waiting: winbase.h
export const WAIT_OBJECT_0 = 0
export const WAIT_TIMEOUT = 258
export const INFINITE = 0xffff_ffff

// Win32 codes: winerror.h
export const ERROR_SUCCESS = 0
export const ERROR_FILE_NOT_FOUND = 2
export const ERROR_ACCESS_DENIED = 5
export const ERROR_INVALID_HANDLE = 6
export const ERROR_HANDLE_EOF = 38
export const ERROR_INVALID_PARAMETER = 87
export const ERROR_BROKEN_PIPE = 109
export const ERROR_PIPE_BUSY = 231
export const ERROR_NO_DATA = 232
export const ERROR_PIPE_NOT_CONNECTED = 233
export const ERROR_MORE_DATA = 234
export const ERROR_PIPE_CONNECTED = 535
export const ERROR_ABANDONED_WAIT_0 = 735
export const ERROR_OPERATION_ABORTED = 995
export const ERROR_IO_PENDING = 997
export const ERROR_NOTIFY_ENUM_DIR = 1022
export const ERROR_NOT_FOUND = 1168
export const ERROR_NOT_ENOUGH_QUOTA = 1816

// Winsock codes: winsock2.h. WSA_IO_PENDING is ERROR_IO_PENDING.
export const WSA_IO_PENDING = 997
export const WSAEINVAL = 10022
export const WSAENOTSOCK = 10038
export const WSAEMSGSIZE = 10040
export const WSAEAFNOSUPPORT = 10047
export const WSAEADDRINUSE = 10048
export const WSAEADDRNOTAVAIL = 10049
export const WSAECONNRESET = 10054
export const WSAENOTCONN = 10057
export const WSAECONNREFUSED = 10061

// NTSTATUS, as the unsigned numbers of ntstatus.h
export const STATUS_SUCCESS = 0x0000_0000
export const STATUS_PENDING = 0x0000_0103
export const STATUS_NOTIFY_ENUM_DIR = 0x0000_010c
export const STATUS_BUFFER_OVERFLOW = 0x8000_0005
export const STATUS_END_OF_FILE = 0xc000_0011
export const STATUS_FILE_IS_A_DIRECTORY = 0xc000_00ba
export const STATUS_NOT_A_DIRECTORY = 0xc000_0103
export const STATUS_CANCELLED = 0xc000_0120
export const STATUS_PIPE_BROKEN = 0xc000_014b

// Files: winnt.h, fileapi.h, winbase.h
export const GENERIC_READ = 0x8000_0000
export const GENERIC_WRITE = 0x4000_0000
export const FILE_LIST_DIRECTORY = 0x1
export const FILE_SHARE_READ = 0x1
export const FILE_SHARE_WRITE = 0x2
export const FILE_SHARE_DELETE = 0x4
export const CREATE_NEW = 1
export const CREATE_ALWAYS = 2
export const OPEN_EXISTING = 3
export const OPEN_ALWAYS = 4
export const FILE_ATTRIBUTE_DIRECTORY = 0x10
export const FILE_ATTRIBUTE_NORMAL = 0x80
export const FILE_FLAG_BACKUP_SEMANTICS = 0x0200_0000
export const FILE_FLAG_OVERLAPPED = 0x4000_0000
export const FILE_TYPE_DISK = 0x1
/** `FileEndOfFileInfo` of FILE_INFO_BY_HANDLE_CLASS. */
export const FILE_END_OF_FILE_INFO = 6
export const FSCTL_SET_SPARSE = 0x0009_00c4

// What ReadDirectoryChangesW looks at, and tells: winnt.h
export const FILE_NOTIFY_CHANGE_FILE_NAME = 0x1
export const FILE_NOTIFY_CHANGE_DIR_NAME = 0x2
export const FILE_NOTIFY_CHANGE_ATTRIBUTES = 0x4
export const FILE_NOTIFY_CHANGE_SIZE = 0x8
export const FILE_NOTIFY_CHANGE_LAST_WRITE = 0x10
export const FILE_NOTIFY_CHANGE_CREATION = 0x40
export const FILE_ACTION_ADDED = 1
export const FILE_ACTION_REMOVED = 2
export const FILE_ACTION_MODIFIED = 3
export const FILE_ACTION_RENAMED_OLD_NAME = 4
export const FILE_ACTION_RENAMED_NEW_NAME = 5
/** That the next flags say how far the server may act in the client's name. */
export const SECURITY_SQOS_PRESENT = 0x0010_0000
/** It may learn who the client is, and no more. */
export const SECURITY_IDENTIFICATION = 0x0001_0000

// Named pipes: winbase.h
export const PIPE_ACCESS_DUPLEX = 0x3
export const FILE_FLAG_FIRST_PIPE_INSTANCE = 0x0008_0000
export const PIPE_TYPE_BYTE = 0x0
export const PIPE_TYPE_MESSAGE = 0x4
export const PIPE_READMODE_BYTE = 0x0
export const PIPE_READMODE_MESSAGE = 0x2
export const PIPE_REJECT_REMOTE_CLIENTS = 0x8
export const PIPE_UNLIMITED_INSTANCES = 255

// Security: sddl.h
export const SDDL_REVISION_1 = 1

// Socket families, kinds and protocols: winsock2.h, ws2def.h
export const AF_UNIX = 1
export const AF_INET = 2
export const AF_INET6 = 23
export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
export const IPPROTO_IP = 0
export const IPPROTO_TCP = 6
export const IPPROTO_UDP = 17
export const IPPROTO_IPV6 = 41
export const SOMAXCONN = 0x7fff_ffff

/** `SOMAXCONN_HINT(n)`: a backlog above 200 has to be passed as its negative, and between 200 and 65535. */
export const somaxconnHint = (backlog: number): number => -Math.min(Math.max(backlog, 200), 65535)

// WSASocketW flags
export const WSA_FLAG_OVERLAPPED = 0x01
export const WSA_FLAG_NO_HANDLE_INHERIT = 0x80

// shutdown
export const SD_RECEIVE = 0
export const SD_SEND = 1
export const SD_BOTH = 2

// setsockopt: levels and options
export const SOL_SOCKET = 0xffff
export const SO_REUSEADDR = 0x0004
export const SO_KEEPALIVE = 0x0008
export const SO_BROADCAST = 0x0020
export const SO_LINGER = 0x0080
/** `~SO_REUSEADDR`: nobody else may bind the address, not even with SO_REUSEADDR. */
export const SO_EXCLUSIVEADDRUSE = ~SO_REUSEADDR
export const SO_SNDBUF = 0x1001
export const SO_RCVBUF = 0x1002
export const SO_ERROR = 0x1007
export const SO_TYPE = 0x1008
export const SO_PROTOCOL_INFOW = 0x2005
export const SO_CONNECT_TIME = 0x700c
export const SO_UPDATE_ACCEPT_CONTEXT = 0x700b
export const SO_UPDATE_CONNECT_CONTEXT = 0x7010
export const TCP_NODELAY = 0x0001
export const TCP_KEEPALIVE = 3
export const TCP_KEEPCNT = 16
export const TCP_KEEPINTVL = 17
export const IP_TTL = 4
export const IP_MULTICAST_IF = 9
export const IP_MULTICAST_TTL = 10
export const IP_MULTICAST_LOOP = 11
export const IP_ADD_MEMBERSHIP = 12
export const IP_DROP_MEMBERSHIP = 13
export const IP_ADD_SOURCE_MEMBERSHIP = 15
export const IP_DROP_SOURCE_MEMBERSHIP = 16
export const IPV6_UNICAST_HOPS = 4
export const IPV6_MULTICAST_IF = 9
export const IPV6_MULTICAST_HOPS = 10
export const IPV6_MULTICAST_LOOP = 11
export const IPV6_ADD_MEMBERSHIP = 12
export const IPV6_DROP_MEMBERSHIP = 13
export const IPV6_V6ONLY = 27
export const MCAST_JOIN_SOURCE_GROUP = 45
export const MCAST_LEAVE_SOURCE_GROUP = 46

// WSAIoctl and ioctlsocket
export const FIONBIO = 0x8004_667e
export const FIONREAD = 0x4004_667f
export const SIO_GET_EXTENSION_FUNCTION_POINTER = 0xc800_0006
export const SIO_KEEPALIVE_VALS = 0x9800_0004
export const SIO_UDP_CONNRESET = 0x9800_000c
export const SIO_UDP_NETRESET = 0x9800_000f

// Receive flags
export const MSG_PEEK = 0x0002

// SetFileCompletionNotificationModes
export const FILE_SKIP_COMPLETION_PORT_ON_SUCCESS = 0x1
export const FILE_SKIP_SET_EVENT_ON_HANDLE = 0x2

// Files: winnt.h, ws2def.h
export const FILE_ATTRIBUTE_REPARSE_POINT = 0x400
export const IO_REPARSE_TAG_AF_UNIX = 0x8000_0023
export const SIZEOF_WIN32_FIND_DATAW = 592
/** `dwReserved0`: the tag, where the file is a reparse point. */
export const WIN32_FIND_DATAW_REPARSE_TAG = 36

/** `XP1_IFS_HANDLES` of WSAPROTOCOL_INFOW.dwServiceFlags1: the socket is a real file handle. */
export const XP1_IFS_HANDLES = 0x0002_0000

/**
 * The extension functions of mswsock, by the GUID that WSAIoctl looks them up with, in memory order
 * (Data1 to Data3 little-endian).
 */
const guid = (text: string): Uint8Array => {
  const [a = "", b = "", c = "", d = "", e = ""] = text.split("-")
  const reversed = (hex: string) => Buffer.from(hex, "hex").reverse()
  return Buffer.concat([reversed(a), reversed(b), reversed(c), Buffer.from(d + e, "hex")])
}

export const WSAID_ACCEPTEX = guid("b5367df1-cbac-11cf-95ca-00805f48a192")
export const WSAID_GETACCEPTEXSOCKADDRS = guid("b5367df2-cbac-11cf-95ca-00805f48a192")
export const WSAID_TRANSMITFILE = guid("b5367df0-cbac-11cf-95ca-00805f48a192")
export const WSAID_CONNECTEX = guid("25a207b9-ddf3-4660-8ee9-76e58c74063e")

// Sizes of structures on x64
export const SIZEOF_OVERLAPPED = 32
export const SIZEOF_OVERLAPPED_ENTRY = 32
export const SIZEOF_WSABUF = 16
export const SIZEOF_BY_HANDLE_FILE_INFORMATION = 52
export const SIZEOF_SECURITY_ATTRIBUTES = 24
export const SIZEOF_WSAPROTOCOL_INFOW = 628
export const SIZEOF_SOCKADDR_IN = 16
export const SIZEOF_SOCKADDR_IN6 = 28
export const SIZEOF_SOCKADDR_STORAGE = 128
/** Room for one address in AcceptEx's output: the largest sockaddr and 16 bytes more, as AcceptEx demands. */
export const ACCEPTEX_ADDRESS_LENGTH = SIZEOF_SOCKADDR_IN6 + 16
