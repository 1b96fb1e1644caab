/**
 * What stands before every system call: is this Linux, and what does a refusal look like.
 *
 * @since 0.1.0
 */
import { fromErrno, NetworkError, type SystemCall, socketError } from "../Errors/index.js"
import { ofTheSystem, requiring } from "../Foreign/Requirement.js"
import { EPERM } from "./Constants.js"
import { isSupported, libc } from "./Libc.js"

/**
 * Runs `effect` where epoll exists, and fails with the reason `Unsupported` everywhere else.
 *
 * @internal
 */
export const onLinux = requiring({
  isSupported,
  elsewhere: "epoll exists on Linux only (x64 and arm64); use Net or Iocp on this platform",
  unloadable: "the C library could not be bound; is koffi installed for this platform?",
  load: () => {
    libc()
  }
})

/**
 * The error for an errno that a call answered which concerns no connection.
 *
 * @internal
 */
export const systemError = (code: number, call: SystemCall, advice?: string): NetworkError => {
  // `epoll_ctl` answers EPERM about the kind of the descriptor; nobody's permission is in question.
  const isAboutKind = call.syscall === "epoll_ctl" && code === EPERM
  const error = fromErrno(code, call)
  return ofTheSystem(isAboutKind ? socketError("InvalidArgument", error) : error, call, advice)
}

/**
 * The error for using an instance after it was closed.
 *
 * @internal
 */
export const instanceClosed = (operation: string): NetworkError =>
  new NetworkError({ operation, reason: "InvalidHandle", advice: "the epoll instance is closed" })

/**
 * The same for an instance of another thread, which has closed it or shares it no more.
 *
 * @internal
 */
export const sharedInstanceClosed = (operation: string): NetworkError =>
  new NetworkError({
    operation,
    reason: "InvalidHandle",
    advice: "the epoll instance is closed, or no longer shared"
  })
