/**
 * From a file to a socket within the kernel: sendfile(2).
 *
 * The socket is non-blocking, the file cannot be: what is on no page in memory, the call waits for, and this whole thread
 * with it. The kernel reads ahead of a call that goes through a file from front to back, so that is mostly a matter of the
 * first pieces. But it is why a piece is bounded: its length is the most that a disk has to bring while everything
 * else waits, about a millisecond's worth of a slow one. (To have a thread make the call would be possible, and would cost
 * more than the call for every file that is in memory, as most are that somebody serves.)
 *
 * A socket that goes away raises SIGPIPE here, and no flag says otherwise. Node ignores that signal, for the whole process.
 *
 * @since 0.1.0
 */
import type { Libc } from "../../Epoll/Libc.js"
import { type SocketError, unsupported } from "../../Errors/index.js"
import type { SendFileOperation } from "../FileOperation.js"

/** The most that one call sends. */
const PIECE_BYTES = 256 * 1024

/**
 * A piece of a file is as much work as so many small operations.
 *
 * @internal
 */
export const SEND_FILE_WEIGHT = 8

const TWO_TO_32 = 0x1_0000_0000

const offset = new Uint32Array(2)

/**
 * How many bytes were sent, 0 at the end of the file, or -1: see `errno()`.
 *
 * @internal
 */
export const sendFile = (
  system: Libc,
  socket: number,
  file: number,
  position: number,
  length: number
): number => {
  offset[0] = position % TWO_TO_32
  offset[1] = Math.floor(position / TWO_TO_32)
  return system.sendfile(socket, file, offset, Math.min(length, PIECE_BYTES))
}

/**
 * The failure for a file that is none of the kernel's.
 *
 * @internal
 */
export const noFile = ({ purpose }: SendFileOperation): SocketError =>
  unsupported(purpose, "the file is not one that this proactor has opened")
