/**
 * The file of a Unix socket on Windows: a reparse point with a tag of its own.
 *
 * Unlike on Linux nothing is known here of a file's identity, only what kind of file it is.
 *
 * @since 0.1.0
 */
import * as Fs from "node:fs"
import { resolve } from "node:path"
import * as Effect from "effect/Effect"
import type { UnixAddress } from "../../Address/index.js"
import { isSocketError, type SocketError } from "../../Errors/index.js"
import * as C from "../../Iocp/Constants.js"
import { kernel32 } from "../../Iocp/Kernel32.js"
import { winsock } from "../../Iocp/Winsock.js"
import { isSoTwice } from "../SecondLook.js"
import { unixDomain } from "./Domain.js"
import { closeHandle, openHandle } from "./SocketHandle.js"

/**
 * How to take away the file that `bind` has made. To be called before the socket is closed.
 *
 * @internal
 */
export const unlink = (path: string): (() => void) => {
  // The working folder may change.
  const absolute = resolve(path)
  return () => {
    // The socket is closed all the same. What stays behind is a stale file, which the next listener takes away.
    ignoringFailure(() => Fs.unlinkSync(absolute))
  }
}

/** Answers whether it did not fail. */
const ignoringFailure = (run: () => void): boolean => {
  try {
    run()
    return true
  } catch {
    return false
  }
}

const findData = new DataView(new ArrayBuffer(C.SIZEOF_WIN32_FIND_DATAW))
const findDataBytes = new Uint8Array(findData.buffer)

/**
 * Whether the path names a file of a Unix socket, and no other.
 *
 * @internal
 */
export const isSocketFile = (path: string): boolean => {
  const search = kernel32().FindFirstFileW(path, findDataBytes)
  if (search === C.INVALID_HANDLE_VALUE) return false
  // It was for one file, and there is no search that could be lost.
  kernel32().FindClose(search)
  const attributes = findData.getUint32(0, true)
  const tag = findData.getUint32(C.WIN32_FIND_DATAW_REPARSE_TAG, true)
  return (attributes & C.FILE_ATTRIBUTE_REPARSE_POINT) !== 0 && tag === C.IO_REPARSE_TAG_AF_UNIX
}

/** Whether nobody listens there. A connect to a path is over when it returns. */
const isRefused = (sockaddr: Uint8Array): boolean => {
  const handle = openHandle("Unix", "connect")
  if (typeof handle !== "number") return false
  const isConnected = winsock().connect(handle, sockaddr, sockaddr.length) === 0
  const code = isConnected ? 0 : winsock().WSAGetLastError()
  closeHandle(handle)
  return code === C.WSAECONNREFUSED
}

/**
 * Takes away the file at the address if it is a socket's and nobody listens there; answers whether the path is free now.
 *
 * @internal
 */
export const removeStale = (address: UnixAddress): Effect.Effect<boolean, SocketError> => {
  const sockaddr = unixDomain.encode(address)
  if (isSocketError(sockaddr)) return Effect.fail(sockaddr)
  return Effect.map(
    isSoTwice(() => isSocketFile(address.path) && isRefused(sockaddr)),
    (isStale) => isStale && ignoringFailure(() => Fs.unlinkSync(address.path))
  )
}
