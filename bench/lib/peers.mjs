// @ts-check
/** Who is measured: how each peer's server is started, and what keeps it from being there. */
import { existsSync } from "node:fs"
import { inRoot } from "../../scripts/lib/paths.mjs"
import { built } from "./programs.mjs"

/**
 * @typedef {object} Peer
 * @property {string} name
 * @property {string} program What is run
 * @property {ReadonlyArray<string>} [args] What it is given ahead of the mode, the port and the bytes of a stream; absent if
 *   it serves special modes only
 * @property {ReadonlyArray<string>} needs The files without which it cannot run
 * @property {Partial<Record<ServerMode, ReadonlyArray<string>>>} [special] What it is given instead of `args` for a mode
 *   that not every peer has
 */

/** @typedef {import("./suites.mjs").Workload["serverMode"]} ServerMode */

/** What every peer serves. @type {ReadonlyArray<ServerMode>} */
const plainModes = ["echo", "receive", "send"]

/** What a peer's program is given for a mode; undefined if it does not serve that. @param {Peer} peer @param {ServerMode} mode */
export const argsFor = ({ args, special }, mode) => (plainModes.includes(mode) ? args : special?.[mode])

/** The peer that the others are compared with. */
export const subject = "effect-iocp"

/** @param {string} file */
const script = (file) => inRoot("bench", "peers", file)

/** @param {...string} parts */
const installed = (...parts) => inRoot("bench", "node_modules", ...parts)

/** The binaries come as a package for each platform; that of this one is run directly. */
const architecture =
  process.arch === "arm64" ? { bun: "aarch64", deno: "arm64" } : { bun: "x64", deno: "x64" }
const bun = installed("@oven", `bun-linux-${architecture.bun}`, "bin", "bun")
const deno = installed("@deno", `linux-${architecture.deno}-glibc`, "deno")

/** @type {(name: string, file: string, needs: ReadonlyArray<string>) => Peer} */
const onNode = (name, file, needs) => ({ name, program: process.execPath, args: [script(file)], needs })

/** @type {ReadonlyArray<Peer>} */
export const peers = [
  {
    ...onNode(subject, "effect-iocp.mjs", [inRoot("dist", "index.js")]),
    special: {
      "socket-server": [script("effect-iocp-socket-server.mjs")],
      rpc: [script("effect-iocp-rpc.mjs")],
      http: [script("effect-iocp-http.mjs")],
      udp: [script("effect-iocp-udp.mjs")],
      "send-file": [script("effect-iocp-file.mjs")]
    }
  },
  { name: "c-epoll", program: built.epoll, args: [], needs: [built.epoll], special: { udp: [] } },
  {
    ...onNode("node:net", "node-net.mjs", []),
    special: { "send-file": [script("node-file.mjs")] }
  },
  {
    name: "node:dgram",
    program: process.execPath,
    needs: [],
    special: { udp: [script("node-dgram.mjs")] }
  },
  {
    ...onNode("NodeSocketServer", "node-socket-server.mjs", [installed("@effect", "platform-node")]),
    special: { "socket-server": [script("node-socket-server.mjs")], rpc: [script("node-rpc.mjs")] }
  },
  {
    name: "NodeHttpServer",
    program: process.execPath,
    needs: [installed("@effect", "platform-node")],
    special: { http: [script("node-http-server.mjs")] }
  },
  {
    name: "read and write",
    program: process.execPath,
    needs: [inRoot("dist", "index.js")],
    special: { "send-file": [script("effect-iocp-file-copied.mjs")] }
  },
  {
    name: "readInto and write",
    program: process.execPath,
    needs: [inRoot("dist", "index.js")],
    special: { "send-file": [script("effect-iocp-file-reused.mjs")] }
  },
  { name: "bun", program: bun, args: [script("bun.mjs")], needs: [bun] },
  {
    name: "deno",
    program: deno,
    args: ["run", "--quiet", "--no-config", "--allow-all", script("deno.mjs")],
    needs: [deno]
  }
]

/** @param {string} name */
export const peerNamed = (name) => {
  const peer = peers.find((one) => one.name === name)
  if (peer === undefined) throw new Error(`No peer is called ${name}`)
  return peer
}

/** Why a peer cannot run here, or undefined if it can. @param {Peer} peer */
export const missing = (peer) => {
  const file = peer.needs.find((path) => !existsSync(path))
  return file === undefined ? undefined : `it is not installed (there is no ${file})`
}
