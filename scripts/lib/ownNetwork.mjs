// @ts-check
/**
 * A network of a command's own, on Linux: a loopback interface and nothing else. What is sent there to everybody, or to a
 * group, reaches the command and what it starts, which is told so: `OWN_NETWORK=1`. (Some tests of the native lane move to one
 * by themselves.)
 */
import { spawnSync } from "node:child_process"

/** Groups by the loopback interface: those of IPv6 need a route. A system without IPv6 has none. */
const setUp = "ip link set lo up multicast on && (ip -6 route add local ff00::/8 dev lo || true)"

const words = ["unshare", "--net", "sh", "-c", `${setUp} && OWN_NETWORK=1 exec "$@"`, "sh"]

/** @type {boolean | undefined} */
let isPossible

/** Whether such a network can be made, which is tried, and told, once: it takes root, `unshare` and `ip`. */
const canBeMade = () => {
  if (isPossible !== undefined) return isPossible
  const [program = "", ...args] = words
  isPossible = spawnSync(program, [...args, "true"], { stdio: "ignore" }).status === 0
  if (!isPossible) console.log("It has no network of its own: that takes root, unshare and ip")
  return isPossible
}

/**
 * The command in such a network, or as it is where none can be made.
 * @param {ReadonlyArray<string>} command
 */
export const inOwnNetwork = (command) => (canBeMade() ? [...words, ...command] : command)
