/**
 * The threads of this process, for leases of descriptors: `gettid`, `tgkill`.
 *
 * @since 0.1.0
 */
import type { ThreadSystem } from "../Foreign/Lease.js"
import { ESRCH } from "./Constants.js"
import { libc } from "./Libc.js"

const isThere = (thread: number): boolean => {
  const system = libc()
  return system.tgkill(process.pid, thread, 0) === 0 || system.errno() !== ESRCH
}

/** @internal */
export const threads: ThreadSystem = {
  close: (fd) => {
    // A descriptor is gone after close(2), whatever it answers.
    libc().close(fd)
  },
  currentThread: () => libc().gettid(),
  isThere
}
