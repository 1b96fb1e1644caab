/**
 * @since 0.1.0
 */
export { type Endpoint, format } from "./Endpoint.js"
export { formatHostPort, type HostPort, parseHostPort } from "./HostPort.js"
export { type AddressFamily, family, formatIp, isIp, parseIp } from "./Ip.js"
export { makePipe, type PipeAddress, unsafeMakePipe } from "./PipeAddress.js"
export {
  decodeSockaddr,
  encodeSockaddr,
  encodeSockaddrInto,
  familyNumber,
  SOCKADDR_MAX_BYTES,
  type SockaddrPlatform
} from "./Sockaddr.js"
export {
  anyAddress,
  Equivalence,
  isSocketAddress,
  loopbackAddress,
  make,
  parse,
  type SocketAddress,
  unsafeMake
} from "./SocketAddress.js"
export {
  isAbstract,
  makeUnix,
  UNIX_PATH_MAX_BYTES,
  type UnixAddress,
  unsafeMakeUnix
} from "./UnixAddress.js"
export { decodeUnixSockaddr, encodeUnixSockaddr, SOCKADDR_UN_MAX_BYTES } from "./UnixSockaddr.js"
