/**
 * The calls that make the ends of named pipes, as the raw layer and the proactor both need them.
 *
 * A server's end is one instance of the pipe, for one client at a time. A client's end is opened like a file. All of them are
 * for overlapped operations, for both directions, and are not inherited by child processes.
 *
 * A client lets the server learn who it is, and no more (`SECURITY_IDENTIFICATION`): a program that has taken the name of a
 * server could otherwise act with the rights of whoever connects to it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { format, type PipeAddress } from "../Address/index.js"
import { fromWin32, invalidArgument, type NetworkError, type SocketError } from "../Errors/index.js"
import * as C from "./Constants.js"
import { kernel32 } from "./Kernel32.js"
import type { PipeMode } from "./Pipe.js"
import type { SecurityAttributes } from "./Security.js"

/**
 * What an instance is made of, all of it settled.
 *
 * @internal
 */
export interface InstanceSettings {
  readonly address: PipeAddress
  readonly mode: PipeMode
  /** It is to be the first of its name: where the name is taken, there is a failure. */
  readonly isFirst: boolean
  /** No limit if `undefined`. */
  readonly maxInstances: number | undefined
  readonly allowRemote: boolean
  /** Of each direction. */
  readonly bufferBytes: number
}

/** Anything up to here is a size. The system takes it as advice. */
const LARGEST_BUFFER_BYTES = 0x7fff_ffff

const LARGEST_LIMIT = C.PIPE_UNLIMITED_INSTANCES - 1

const isWholeUpTo = (value: number, least: number, most: number): boolean =>
  Number.isInteger(value) && value >= least && value <= most

/**
 * What is wrong with settings that no compiler has seen, if anything.
 *
 * @internal
 */
export const adviceOnInstance = ({
  bufferBytes,
  maxInstances,
  mode
}: Pick<InstanceSettings, "bufferBytes" | "maxInstances" | "mode">): string | undefined => {
  if (mode !== "byte" && mode !== "message") return `mode is "byte" or "message"`
  if (maxInstances !== undefined && !isWholeUpTo(maxInstances, 1, LARGEST_LIMIT))
    return `maxInstances is a whole number, 1 to ${LARGEST_LIMIT}; leave it out for no limit`
  if (!isWholeUpTo(bufferBytes, 0, LARGEST_BUFFER_BYTES))
    return "bufferBytes is a whole number of bytes, up to 2^31 - 1"
  return undefined
}

/**
 * What kind of pipe CreateNamedPipeW is asked for.
 *
 * @internal
 */
export const pipeModeOf = ({ allowRemote, mode }: Pick<InstanceSettings, "allowRemote" | "mode">): number =>
  (mode === "message" ? C.PIPE_TYPE_MESSAGE | C.PIPE_READMODE_MESSAGE : C.PIPE_TYPE_BYTE) |
  (allowRemote ? 0 : C.PIPE_REJECT_REMOTE_CLIENTS)

/**
 * The handle of a new instance, or why there is none.
 *
 * @internal
 */
export const createInstance = (
  settings: InstanceSettings,
  security: SecurityAttributes | undefined,
  operation: string
): number | SocketError => {
  const { address, bufferBytes, isFirst, maxInstances } = settings
  const first = isFirst ? C.FILE_FLAG_FIRST_PIPE_INSTANCE : 0
  const handle = kernel32().CreateNamedPipeW(
    address.name,
    C.PIPE_ACCESS_DUPLEX | C.FILE_FLAG_OVERLAPPED | first,
    pipeModeOf(settings),
    maxInstances ?? C.PIPE_UNLIMITED_INSTANCES,
    bufferBytes,
    bufferBytes,
    security?.bytes ?? null
  )
  if (handle !== C.INVALID_HANDLE_VALUE) return handle
  const call = { operation, syscall: "CreateNamedPipeW", address: format(address) }
  return fromWin32(kernel32().GetLastError(), call)
}

/** `GENERIC_READ | GENERIC_WRITE`, as the unsigned number that it is. */
const READ_AND_WRITE = C.GENERIC_READ + C.GENERIC_WRITE
const CLIENT_FLAGS = C.FILE_FLAG_OVERLAPPED | C.SECURITY_SQOS_PRESENT | C.SECURITY_IDENTIFICATION

/** Of this machine: opened at once. One of another machine is looked for on the network. */
const isLocal = ({ name }: PipeAddress): boolean => name.startsWith("\\\\.\\")

const readMessages = new Uint8Array(Uint32Array.of(C.PIPE_READMODE_MESSAGE).buffer)

/** What to make of the handle that CreateFileW answered, or of the code that it left. */
const opened = (
  handle: number,
  code: number,
  address: PipeAddress,
  mode: PipeMode,
  operation: string
): number | SocketError => {
  const call = { operation, address: format(address) }
  if (handle === C.INVALID_HANDLE_VALUE) return fromWin32(code, { ...call, syscall: "CreateFileW" })
  if (mode === "byte" || kernel32().SetNamedPipeHandleState(handle, readMessages) !== 0) return handle
  const failure = kernel32().GetLastError()
  kernel32().CloseHandle(handle)
  // The one thing that can be wrong with a mode that is right.
  return failure === C.ERROR_INVALID_PARAMETER
    ? invalidArgument(operation, "the server has made this pipe for bytes, not for messages", call.address)
    : fromWin32(failure, { ...call, syscall: "SetNamedPipeHandleState" })
}

/**
 * Opens a client's end, and answers its handle. Where every instance has a client that is a failure, `ResourceExhausted`
 * (231). One of another machine is opened on a thread of libuv's pool, since that may take its time; to be run
 * uninterruptibly then, since nothing can stop it.
 *
 * @internal
 */
export const openClientEnd = (
  address: PipeAddress,
  mode: PipeMode,
  operation: string
): Effect.Effect<number, SocketError> => {
  const { name } = address
  const answer = (handle: number, code: number) => {
    const answered = opened(handle, code, address, mode, operation)
    return typeof answered === "number" ? Effect.succeed(answered) : Effect.fail(answered)
  }
  if (isLocal(address)) {
    return Effect.suspend(() => {
      const handle = kernel32().CreateFileW(name, READ_AND_WRITE, 0, C.OPEN_EXISTING, CLIENT_FLAGS)
      return answer(handle, handle === C.INVALID_HANDLE_VALUE ? kernel32().GetLastError() : 0)
    })
  }
  return Effect.async((resume) => {
    const done = (handle: number, code: number) => resume(answer(handle, code))
    try {
      kernel32().CreateFileWAsync(name, READ_AND_WRITE, 0, C.OPEN_EXISTING, CLIENT_FLAGS, done)
    } catch {
      // Too many such calls are outstanding.
      done(C.INVALID_HANDLE_VALUE, C.ERROR_NOT_ENOUGH_QUOTA)
    }
  })
}

const processId = new Uint32Array(1)
const processIdBytes = new Uint8Array(processId.buffer)

/**
 * The process at the other end.
 *
 * @internal
 */
export const peerProcess = (
  handle: number,
  end: "server" | "client",
  operation: string
): number | SocketError => {
  const syscall = end === "server" ? "GetNamedPipeClientProcessId" : "GetNamedPipeServerProcessId"
  if (kernel32()[syscall](handle, processIdBytes) !== 0) return processId[0] ?? 0
  return fromWin32(kernel32().GetLastError(), { operation, syscall })
}

/** @internal */
export const refuseInstance = (operation: string, advice: string, address: PipeAddress): NetworkError =>
  invalidArgument(operation, advice, format(address))
