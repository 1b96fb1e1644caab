// @ts-check
/** npm run build: compiles src/ into a fresh dist/. */
import { buildLibrary } from "./lib/build.mjs"

if (!(await buildLibrary())) process.exitCode = 1
