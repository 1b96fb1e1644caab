/**
 * Where the other end is, for every kind of transport: an IP address and a port, the path of a Unix domain socket, the
 * name of a named pipe.
 *
 * @since 0.1.0
 */
import type { PipeAddress } from "./PipeAddress.js"
import { formatPipe } from "./PipeAddress.js"
import { format as formatSocketAddress, type SocketAddress } from "./SocketAddress.js"
import type { UnixAddress } from "./UnixAddress.js"
import { formatUnix } from "./UnixAddress.js"

/**
 * Any address; `_tag` tells which.
 *
 * @since 0.1.0
 * @category models
 */
export type Endpoint = SocketAddress | UnixAddress | PipeAddress

/**
 * An address as people write it: `127.0.0.1:80`, `[::1]:80`, `[fe80::1%2]:80`; `/run/app.sock`, `@name` for an abstract
 * Unix address; `\\.\pipe\app`.
 *
 * @since 0.1.0
 * @category printing
 */
export const format = (address: Endpoint): string => {
  switch (address._tag) {
    case "SocketAddress":
      return formatSocketAddress(address)
    case "UnixAddress":
      return formatUnix(address)
    case "PipeAddress":
      return formatPipe(address)
  }
}
