/**
 * The threads of this process, for leases of handles: `GetCurrentThreadId`, `OpenThread`.
 *
 * @since 0.1.0
 */
import type { ThreadSystem } from "../Foreign/Lease.js"
import { ERROR_INVALID_PARAMETER, SYNCHRONIZE, WAIT_OBJECT_0 } from "./Constants.js"
import { kernel32 } from "./Kernel32.js"

const close = (handle: number): void => {
  // The handle is a lease's own and closed once only: there is nothing to do about a failure.
  kernel32().CloseHandle(handle)
}

const isThere = (thread: number): boolean => {
  const handle = kernel32().OpenThread(SYNCHRONIZE, 0, thread)
  if (handle === 0) return kernel32().GetLastError() !== ERROR_INVALID_PARAMETER
  const hasEnded = kernel32().WaitForSingleObject(handle, 0) === WAIT_OBJECT_0
  close(handle)
  return !hasEnded
}

/** @internal */
export const threads: ThreadSystem = {
  close,
  currentThread: () => kernel32().GetCurrentThreadId() | 0,
  isThere: (thread) => isThere(thread >>> 0)
}
