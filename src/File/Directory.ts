/**
 * Directories: what happens in them, as a stream.
 *
 * The system tells which names were made, removed, renamed or written to; it does not tell by whom, and one deed may be
 * several changes, as many as that system makes of it. A renaming within the directory is two, `renamedFrom` and `renamedTo`,
 * with the same `cookie`. What happens faster than the stream is pulled is kept by the system,
 * up to a limit. Beyond that some of it is lost, and the stream says so, with `overflow`: look at the directory itself then.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { FileError } from "../Errors/index.js"
import { pulled } from "../Net/internal/Pulling.js"
import { Net } from "../Net/Net.js"
import type { DirectoryChange } from "../Proactor/DirectoryChange.js"
import { isOptions, nameOf, wrongPath } from "./internal/Paths.js"
import { Watcher, watchFailure } from "./internal/Watcher.js"

/**
 * Something that happened in a directory.
 *
 * @since 0.1.0
 * @category models
 */
export type Change = DirectoryChange

/**
 * @since 0.1.0
 * @category options
 */
export interface WatchOptions {
  /** Whether what happens in the directories below it is told too. On Linux, `Unsupported`. */
  readonly recursive?: boolean | undefined
}

/** For callers whom no compiler told. */
const wrongWith = (path: string, options: WatchOptions): string | undefined => {
  const wrong = wrongPath(path)
  if (wrong !== undefined) return wrong
  if (!isOptions(options)) return "the options are an object, or left out"
  const { recursive } = options
  return recursive === undefined || typeof recursive === "boolean" ? undefined : "recursive is true or false"
}

/**
 * Watches a directory until the scope closes. When this effect is done, everything that happens from then on is kept for
 * the stream, however late it is first pulled. It may be run again: that goes on where the last run has ended. Of two runs at
 * once, each change goes to one.
 *
 * Fails with `FileError`: `NotFound`, `NotDirectory`, `ResourceExhausted` (on Linux, a user has so many watches),
 * `Unsupported` (a simulated disk has no directories), `InvalidArgument` (what is no path, or no such option). The stream
 * fails with `NotFound` when the directory is gone, and with `Closed` when the scope is.
 *
 * @since 0.1.0
 * @category constructors
 */
export const watch = (
  path: string,
  options: WatchOptions = {}
): Effect.Effect<Stream.Stream<Change, FileError>, FileError, Net | Scope.Scope> =>
  Effect.flatMap(Net, ({ proactor }) => {
    const advice = wrongWith(path, options)
    if (advice !== undefined) {
      const reason = "InvalidArgument"
      return Effect.fail(new FileError({ reason, operation: "watch", path: nameOf(path), advice }))
    }
    const opened = Effect.mapError(proactor.openDirectory(path, options.recursive === true), (failure) =>
      watchFailure(failure, path)
    )
    const watcher = Effect.map(opened, (directory) => new Watcher(directory, path))
    return Effect.map(
      Effect.acquireRelease(watcher, ({ ended }) => ended),
      (watcher) => pulled(() => watcher)
    )
  })
