/**
 * Whether a socket's operations may end without a packet.
 *
 * By default every operation that was started ends with a packet, also one that the call did at once: to learn of it
 * the packet has to be fetched, which costs as much as the operation itself. A handle can be told to leave that packet
 * out. Then a call that answers success has ended the operation, and a packet follows only where the call answered
 * "pending".
 *
 * That holds for sockets that are handles of the system's own. A provider that is layered above the system's, as some
 * firewalls bring along, may hand out others, for which such a handle would leave packets out that are waited for. So
 * the provider is asked first, once for each family: the sockets of a family are all made alike. Where it says no, or the
 * system refuses, every operation has its packet.
 *
 * @since 0.1.0
 */
import type { AddressFamily } from "../../Address/index.js"
import * as C from "../../Iocp/Constants.js"
import { kernel32 } from "../../Iocp/Kernel32.js"
import { winsock } from "../../Iocp/Winsock.js"

/** Nobody waits for a socket's handle itself, so that needs no signal either. */
const MODES = C.FILE_SKIP_COMPLETION_PORT_ON_SUCCESS | C.FILE_SKIP_SET_EVENT_ON_HANDLE

/**
 * The providers that the sockets of one proactor come from.
 *
 * @internal
 */
export class Providers {
  private readonly known = new Map<AddressFamily, boolean>()
  private readonly mayAsk: boolean

  /** If nobody `mayAsk`, the answer is no. */
  constructor(mayAsk = true) {
    this.mayAsk = mayAsk
  }

  /** Has the handle leave the packets of immediate successes out. `false`: every operation has its packet. */
  skipPackets(handle: number, family: AddressFamily): boolean {
    return (
      this.isSystems(handle, family) && kernel32().SetFileCompletionNotificationModes(handle, MODES) !== 0
    )
  }

  private isSystems(handle: number, family: AddressFamily): boolean {
    const known = this.known.get(family)
    if (known !== undefined) return known
    const asked = this.mayAsk && givesSystemHandles(handle)
    this.known.set(family, asked)
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
