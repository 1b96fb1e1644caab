/**
 * A file as a connection needs it that sends it: the handle, and who uses it.
 *
 * A handle must not be closed while an operation uses it, be that one of the file's own or one of a socket that sends the
 * file. So each is booked here as a use for as long as it is in flight. Closing the file cancels its uses, and waits until
 * the last one has ended.
 *
 * @since 0.1.0
 */
import type { ProactorFile } from "../../Proactor/Proactor.js"

/**
 * An operation in flight that uses the file.
 *
 * @internal
 */
export interface FileUse {
  /** Asks that it end early: the file is being closed. */
  readonly cancel: () => void
}

/** @internal */
export interface FileSource {
  /** As it was named. */
  readonly path: string
  readonly handle: ProactorFile
  readonly isOpen: boolean
  /** Whether it was opened to be read, perhaps among other things. */
  readonly isReadable: boolean
  readonly begin: (use: FileUse) => void
  readonly end: (use: FileUse) => void
}
