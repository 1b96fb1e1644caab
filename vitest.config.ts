import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

/** The lane that runs Windows' node.exe under Wine sets this: every system call is slow there. */
const underWine = process.env["EFFECT_IOCP_LANE"] === "wine"
const timeoutMillis = underWine ? 120_000 : 60_000
const dist = fileURLToPath(new URL("./dist", import.meta.url)).replaceAll("\\", "/")
const src = fileURLToPath(new URL("./src", import.meta.url)).replaceAll("\\", "/")

const inSources = [
  { find: /^effect-iocp$/, replacement: `${src}/index.ts` },
  { find: /^effect-iocp\/(HttpClient|HttpServer)$/, replacement: `${src}/Platform/$1.ts` },
  { find: /^effect-iocp\/(\w+)$/, replacement: `${src}/$1/index.ts` }
]

/**
 * Under Wine the sources are what the build has made of them: `node.exe` loads modules as they are several times faster there
 * than vite can hand it what it makes of them.
 */
const inBuild = [
  { find: /^(?:\.\.\/)+src\/(.*\.js)$/, replacement: `${dist}/$1` },
  { find: /^effect-iocp$/, replacement: `${dist}/index.js` },
  { find: /^effect-iocp\/(HttpClient|HttpServer)$/, replacement: `${dist}/Platform/$1.js` },
  { find: /^effect-iocp\/(\w+)$/, replacement: `${dist}/$1/index.js` }
]

export default defineConfig({
  resolve: {
    // The package by its own name is its sources, so that tests need no build (but under Wine).
    alias: underWine ? inBuild : inSources
  },
  test: {
    include: ["test/**/*.test.ts"],
    server: { deps: { external: underWine ? [/\/dist\//] : [] } },
    // A process for each file: tests count the handles, file descriptors and foreign memory of their process.
    pool: "forks",
    // One file at a time: the files open thousands of sockets, and share the machine's ports and processors.
    fileParallelism: false,
    // Not a measure of speed: only a hang ends here.
    testTimeout: timeoutMillis,
    hookTimeout: timeoutMillis,
    // A worker may be slow to end under Wine. For one that takes longer than this, vitest runs none of the files that are left,
    // and waits for ever.
    teardownTimeout: timeoutMillis
  }
})
