/**
 * Starting an overlapped operation: what every one of them has in common.
 *
 * What cannot be started is refused before the system is asked. Otherwise the OVERLAPPED goes in flight before the call
 * is made, and comes back at once only if the call fails and no packet is to come.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import {
  closed,
  fromWin32,
  fromWsa,
  invalidArgument,
  type SocketError,
  type SystemCall
} from "../Errors/index.js"
import type { ForeignMemory } from "../Foreign/Memory.js"
import { ERROR_IO_PENDING } from "./Constants.js"
import type { OverlappedHandle } from "./Handle.js"
import { kernel32 } from "./Kernel32.js"
import type { Overlapped } from "./Overlapped.js"
import { portClosed } from "./Support.js"
import { winsock } from "./Winsock.js"

/**
 * Which part of a buffer an operation uses: all of it, if left out.
 *
 * @since 0.1.0
 * @category models
 */
export interface Part {
  readonly offset?: number
  readonly length?: number
}

/** Whose calls they are: how they tell why one failed. */
interface Calls {
  readonly lastCode: () => number
  readonly failure: (code: number, call: SystemCall) => SocketError
}

/** @internal */
export const socketCalls: Calls = { lastCode: () => winsock().WSAGetLastError(), failure: fromWsa }

/** @internal */
export const fileCalls: Calls = { lastCode: () => kernel32().GetLastError(), failure: fromWin32 }

/** @internal */
export interface Request extends SystemCall {
  readonly calls: Calls
  readonly buffer?: ForeignMemory
  readonly part?: Part
  readonly flags?: number
  readonly accepted?: OverlappedHandle
  /** Makes the call; false if it failed, `IO_PENDING` being a failure too. */
  readonly start: () => boolean
}

/**
 * Where the part begins, and how long it is.
 *
 * @internal
 */
export const partOf = (
  buffer: ForeignMemory,
  part: Part
): { readonly offset: number; readonly length: number } => {
  const offset = part.offset ?? 0
  return { offset, length: part.length ?? buffer.byteLength - offset }
}

const isInside = (buffer: ForeignMemory, part: Part): boolean => {
  const { offset, length } = partOf(buffer, part)
  const areWhole = Number.isSafeInteger(offset) && Number.isSafeInteger(length)
  return areWhole && offset >= 0 && length >= 0 && offset + length <= buffer.byteLength
}

/** Why the operation cannot be started, found before the system is asked. */
const refusal = (
  target: OverlappedHandle,
  overlapped: Overlapped,
  request: Request
): SocketError | undefined => {
  const { operation, address, buffer, part = {} } = request
  const refuse = (advice: string) => invalidArgument(operation, advice, address)
  if (!target.isOpen) return closed(operation, address)
  if (target.port === undefined) return refuse("associate it with a completion port first")
  if (!target.port.isOpen) return portClosed(operation)
  if (overlapped.isFreed) return refuse("the scope of this OVERLAPPED is closed")
  if (overlapped.isInFlight) return refuse("this OVERLAPPED has an operation in flight already")
  if (buffer?.isFreed) return refuse("the buffer was freed")
  if (buffer !== undefined && !isInside(buffer, part)) {
    return refuse(`offset and length have to lie within the buffer's ${buffer.byteLength} bytes`)
  }
  return undefined
}

/** @internal */
export const submit = (
  target: OverlappedHandle,
  overlapped: Overlapped,
  request: Request
): Effect.Effect<void, SocketError> =>
  Effect.suspend(() => {
    const refused = refusal(target, overlapped, request)
    if (refused !== undefined) return Effect.fail(refused)
    const { accepted, address, buffer, calls, operation, part = {}, syscall, flags = 0 } = request
    const { offset, length } = buffer === undefined ? { offset: 0, length: 0 } : partOf(buffer, part)
    const submission = { operation, syscall, address, target, accepted, buffer }
    overlapped.begin(submission, (buffer?.address ?? 0) + offset, length, flags)
    if (request.start()) return Effect.void
    const code = calls.lastCode()
    if (code === ERROR_IO_PENDING || overlapped.postsDespiteFailure) return Effect.void
    overlapped.end()
    return Effect.fail(calls.failure(code, { operation, syscall, address }))
  })
