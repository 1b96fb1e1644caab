/**
 * @since 0.1.0
 */
export { formatHostPort, type HostPort, parseHostPort } from "./HostPort.js"
export { type AddressFamily, family, formatIp, isIp, parseIp } from "./Ip.js"
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
  format,
  isSocketAddress,
  loopbackAddress,
  make,
  parse,
  type SocketAddress,
  unsafeMake
} from "./SocketAddress.js"
