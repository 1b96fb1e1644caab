// @ts-check
/**
 * npm run soak:sparse-file: a file of several GiB, read and sent with flat memory. It is sparse, and takes no room on the disk.
 *
 *   --mebibytes N   how large it is, 64 to 1048576 (5120: more than 4 GiB of offsets)
 *
 * The test itself is test/stress/sparseFile.test.ts.
 */
import { parseArgs } from "node:util"
import { run } from "./lib/command.mjs"
import { ensureDependencies } from "./lib/dependencies.mjs"
import { inRoot, root } from "./lib/paths.mjs"

const DEFAULT_MEBIBYTES = 5120
/** Of less there are too few chunks to tell whether the memory grows. */
const LEAST_MEBIBYTES = 64
const MOST_MEBIBYTES = 1024 * 1024

/** It goes at hundreds of MiB a second: whoever is slower than this hangs. */
const SLOWEST_MEBIBYTES_PER_SECOND = 4
const LEAST_SECONDS = 600
/** So often the file is read or sent. */
const PASSES = 3
const START_SECONDS = 120

const usage = "npm run soak:sparse-file -- [--mebibytes N]"

const readMebibytes = () => {
  const { values } = parseArgs({ options: { mebibytes: { type: "string" } } })
  const mebibytes = values.mebibytes === undefined ? DEFAULT_MEBIBYTES : Number(values.mebibytes)
  if (Number.isInteger(mebibytes) && mebibytes >= LEAST_MEBIBYTES && mebibytes <= MOST_MEBIBYTES)
    return mebibytes
  throw new Error(`--mebibytes is a whole number, ${LEAST_MEBIBYTES} to ${MOST_MEBIBYTES}\n${usage}`)
}

/** @param {number} mebibytes */
const soak = async (mebibytes) => {
  const seconds = Math.max(LEAST_SECONDS, Math.ceil(mebibytes / SLOWEST_MEBIBYTES_PER_SECOND))
  const vitest = inRoot("node_modules", "vitest", "vitest.mjs")
  const test = "test/stress/sparseFile.test.ts"
  const { code, ending } = await run(
    process.execPath,
    [vitest, "run", test, "--testTimeout", `${seconds * 1000}`],
    {
      cwd: root,
      env: { ...process.env, SPARSE_FILE_MEBIBYTES: `${mebibytes}` },
      boundSeconds: PASSES * seconds + START_SECONDS
    }
  )
  if (code !== 0) console.error(`The soak failed: ${ending}`)
  return code === 0
}

try {
  const mebibytes = readMebibytes()
  await ensureDependencies()
  if (!(await soak(mebibytes))) process.exitCode = 1
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
