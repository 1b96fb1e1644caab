/**
 * Whether a handle's operations may end without a packet.
 *
 * By default every operation that was started ends with a packet, also one that the call did at once: to learn of it
 * the packet has to be fetched, which costs as much as the operation itself. A handle can be told to leave that packet
 * out. Then a call that answers success has ended the operation, and a packet follows only where the call answered
 * "pending".
 *
 * That holds for handles of the system's own: those of pipes and files, and of most sockets. A provider that is
 * layered above the system's, as some firewalls bring along, may hand out others, for which such a handle would leave
 * packets out that are waited for. So the provider of a socket is asked first, once for each kind of socket (such as
 * those of a family): the sockets of a kind are all made alike. Where it says no, or the system refuses, every operation
 * has its packet.
 *
 * @since 0.1.0
 */
import * as C from "../../Iocp/Constants.js"
import { kernel32 } from "../../Iocp/Kernel32.js"
import { winsock } from "../../Iocp/Winsock.js"

/** Nobody waits for a handle itself, so that needs no signal either. */
const MODES = C.FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | C.FILE_SKIP_SET_EVENT_ON_HANDLE

/**
 * The providers that the sockets of one proactor come from.
 *
 * @internal
 */
export class Providers {
  private readonly known = new Map<string, boolean>()
  private readonly mayLeaveOut: boolean

  /** Unless it `mayLeaveOut` packets, no provider is asked, and every operation has its packet. */
  constructor(mayLeaveOut = true) {
    this.mayLeaveOut = mayLeaveOut
  }

  /** Has a socket leave the packets of immediate successes out. `false`: every operation has its packet. */
  skipPackets(handle: number, kind: string): boolean {
    return this.isSystems(handle, kind) && this.skipPacketsOfSystems(handle)
  }

  /** The same for a handle that is the system's own without doubt: a pipe's, a file's. */
  skipPacketsOfSystems(handle: number): boolean {
    return this.mayLeaveOut && kernel32().SetFileCompletionNotificationModes(handle, MODES) !== 0
  }

  private isSystems(handle: number, kind: string): boolean {
    const known = this.known.get(kind)
    if (known !== undefined) return known
    const asked = this.mayLeaveOut && givesSystemHandles(handle)
    this.known.set(kind, asked)
    return asked
  }
}

const givesSystemHandles = (handle: number): boolean => {
  const info = new DataView(new ArrayBuffer(C.SIZEOF_WSAPROTOCOL_INFOW))
  const length = new Uint8Array(Int32Array.of(C.SIZEOF_WSAPROTOCOL_INFOW).buffer)
  const bytes = new Uint8Array(info.buffer)
  if (winsock().getsockopt(handle, C.SOL_SOCKET, C.SO_PROTOCOL_INFOW, bytes, length) !== 0) return false
  // The first member, dwServiceFlags1.
  return (info.getUint32(0, true) & C.XP1_IFS_HANDLES) !== 0
}
