/**
 * What stands before every system call: is this Windows, and what does a refusal look like.
 *
 * @since 0.1.0
 */
import { fromWin32, NetworkError, type SystemCall } from "../Errors/index.js"
import { ofTheSystem, requiring } from "../Foreign/Requirement.js"
import { isSupported, kernel32 } from "./Kernel32.js"
import { winsock } from "./Winsock.js"

/**
 * Runs `effect` where completion ports exist, and fails with the reason `Unsupported` everywhere else.
 *
 * @internal
 */
export const onWindows = requiring({
  isSupported,
  elsewhere: "completion ports exist on Windows only; use Net or Epoll on this platform",
  unloadable: "kernel32.dll and ws2_32.dll could not be bound; is koffi installed for this platform?",
  load: () => {
    kernel32()
    winsock()
  }
})

/**
 * The error for what `GetLastError` answered to a call that concerns no connection.
 *
 * @internal
 */
export const portError = (code: number, call: SystemCall, advice?: string): NetworkError =>
  ofTheSystem(fromWin32(code, call), call, advice)

/**
 * The error for using a port after it was closed.
 *
 * @internal
 */
export const portClosed = (operation: string): NetworkError =>
  new NetworkError({ operation, reason: "InvalidHandle", advice: "the completion port is closed" })

/**
 * The same for a port of another thread, which has closed it or shares it no more.
 *
 * @internal
 */
export const sharedPortClosed = (operation: string): NetworkError =>
  new NetworkError({
    operation,
    reason: "InvalidHandle",
    advice: "the completion port is closed, or no longer shared"
  })
