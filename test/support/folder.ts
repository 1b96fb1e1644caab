/**
 * A folder for the files of one test.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** A new folder, deleted with the scope. Its path is short: there is not much room in the address of a Unix socket. */
export const temporaryFolder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "ei-"))),
  // Windows deletes a file only when nobody has it open, which may be a moment later.
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }))
)

/** The path of a file, which is not there yet, in a folder of its own. */
export const temporaryFile: Effect.Effect<string, never, Scope.Scope> = Effect.map(
  temporaryFolder,
  (folder) => join(folder, "file")
)
