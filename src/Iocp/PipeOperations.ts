/**
 * Overlapped operations on named pipes. The rule is that of `Operations.ts`: if the effect succeeds, exactly one packet comes
 * to the pipe's port, and if it fails, none.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import { format } from "../Address/index.js"
import type { SocketError } from "../Errors/index.js"
import type { ForeignMemory } from "../Foreign/Memory.js"
import { kernel32 } from "./Kernel32.js"
import type { Overlapped } from "./Overlapped.js"
import type { Pipe } from "./Pipe.js"
import { fileCalls, type Part, partOf, submit } from "./Submit.js"

/**
 * Starts waiting for a client of an instance: one packet comes when it is there.
 *
 * A client that was there first is no failure of the instance's, but no packet comes: the effect fails with the reason
 * `AlreadyConnected` (535), and the instance is connected. If that client is gone again, with `Reset` (232): what it wrote
 * can be read all the same. Calls `ConnectNamedPipe`.
 *
 * @since 0.1.0
 * @category operations
 */
export const connectNamedPipe = (pipe: Pipe, overlapped: Overlapped): Effect.Effect<void, SocketError> =>
  submit(pipe, overlapped, {
    calls: fileCalls,
    operation: "connectNamedPipe",
    syscall: "ConnectNamedPipe",
    address: format(pipe.address),
    start: () => kernel32().ConnectNamedPipe(pipe.handle, overlapped.address) !== 0
  })

/**
 * Starts reading: one packet comes with the number of bytes.
 *
 * In message mode it is one message, of 0 bytes perhaps. If that is longer than the buffer, the packet is a failure with the
 * reason `TooLong` (234), its bytes are in the buffer, and the next reads bring the rest. At the end of the stream the
 * effect fails with `Reset` (109), or the packet does, if the end comes later. Calls `ReadFile`.
 *
 * @since 0.1.0
 * @category operations
 */
export const readPipe = (
  pipe: Pipe,
  overlapped: Overlapped,
  buffer: ForeignMemory,
  part: Part = {}
): Effect.Effect<void, SocketError> => {
  const { offset, length } = partOf(buffer, part)
  return submit(pipe, overlapped, {
    calls: fileCalls,
    operation: "readPipe",
    syscall: "ReadFile",
    address: format(pipe.address),
    buffer,
    part,
    start: () =>
      kernel32().ReadFile(pipe.handle, buffer.address + offset, length, 0, overlapped.address) !== 0
  })
}

/**
 * Starts writing, a message in message mode: one packet comes when the pipe holds all of it, or the other end has read what it
 * cannot hold. Calls `WriteFile`.
 *
 * @since 0.1.0
 * @category operations
 */
export const writePipe = (
  pipe: Pipe,
  overlapped: Overlapped,
  buffer: ForeignMemory,
  part: Part = {}
): Effect.Effect<void, SocketError> => {
  const { offset, length } = partOf(buffer, part)
  return submit(pipe, overlapped, {
    calls: fileCalls,
    operation: "writePipe",
    syscall: "WriteFile",
    address: format(pipe.address),
    buffer,
    part,
    start: () =>
      kernel32().WriteFile(pipe.handle, buffer.address + offset, length, 0, overlapped.address) !== 0
  })
}
