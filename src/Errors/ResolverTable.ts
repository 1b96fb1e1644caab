/**
 * What looking up a host name fails with, by the codes that `node:dns` gives.
 *
 * The codes are names: the system resolver's (`EAI_AGAIN`, of which Node calls two `ENOTFOUND`), those of the DNS
 * client behind `dns.resolve` (`ESERVFAIL`), and Node's own for what it refuses to look up.
 *
 * @since 0.1.0
 */
import { NetworkError, type NetworkErrorReason } from "./Errors.js"
import type { SystemCall } from "./SystemCall.js"

/** @internal */
export const resolverRows: ReadonlyArray<readonly [codeName: string, reason: NetworkErrorReason]> = [
  ["ENOTFOUND", "HostNotFound"],
  ["ENODATA", "HostNotFound"],
  ["ENONAME", "HostNotFound"],
  ["EAI_NONAME", "HostNotFound"],
  ["EAI_NODATA", "HostNotFound"],
  ["EAI_ADDRFAMILY", "HostNotFound"],
  ["EAI_AGAIN", "ResolverFailed"],
  ["EAI_FAIL", "ResolverFailed"],
  ["EAI_SYSTEM", "ResolverFailed"],
  ["ESERVFAIL", "ResolverFailed"],
  ["EREFUSED", "ResolverFailed"],
  ["ECONNREFUSED", "ResolverFailed"],
  ["ETIMEOUT", "ResolverFailed"],
  ["EBADRESP", "ResolverFailed"],
  ["EFORMERR", "ResolverFailed"],
  ["ENOTIMP", "ResolverFailed"],
  ["EAI_FAMILY", "Unsupported"],
  ["EBADFAMILY", "Unsupported"],
  ["EAI_SERVICE", "InvalidArgument"],
  ["EAI_SOCKTYPE", "InvalidArgument"],
  ["EAI_BADFLAGS", "InvalidArgument"],
  ["EAI_BADHINTS", "InvalidArgument"],
  ["EAI_OVERFLOW", "InvalidArgument"],
  ["EBADFLAGS", "InvalidArgument"],
  ["EBADHINTS", "InvalidArgument"],
  ["EBADNAME", "InvalidArgument"],
  ["EBADSTR", "InvalidArgument"],
  ["EINVAL", "InvalidArgument"],
  ["ENAMETOOLONG", "InvalidArgument"],
  ["ERR_INVALID_ARG_TYPE", "InvalidArgument"],
  ["ERR_INVALID_ARG_VALUE", "InvalidArgument"],
  ["EAI_MEMORY", "ResourceExhausted"],
  ["ENOMEM", "ResourceExhausted"],
  ["EMFILE", "ResourceExhausted"],
  ["ENFILE", "ResourceExhausted"],
  ["EAI_CANCELED", "Cancelled"],
  ["ECANCELED", "Cancelled"],
  ["ECANCELLED", "Cancelled"],
  ["EDESTRUCTION", "Cancelled"],
  ["ERR_ACCESS_DENIED", "PermissionDenied"],
  ["EACCES", "PermissionDenied"],
  ["EPERM", "PermissionDenied"]
]

const table: ReadonlyMap<string, NetworkErrorReason> = new Map(resolverRows)

const field = (cause: unknown, name: "code" | "errno"): unknown =>
  typeof cause === "object" && cause !== null ? Reflect.get(cause, name) : undefined

/**
 * The error for what a look-up of `node:dns` failed with, which it keeps as its cause. Total: whatever else a
 * look-up may fail with is `ResolverFailed`, since then the resolver gave no answer.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromResolver = (cause: unknown, call: SystemCall): NetworkError => {
  const codeName = field(cause, "code")
  const code = field(cause, "errno")
  const known = typeof codeName === "string" ? codeName : undefined
  return new NetworkError({
    ...call,
    reason: (known === undefined ? undefined : table.get(known)) ?? "ResolverFailed",
    code: typeof code === "number" ? code : undefined,
    codeName: known,
    cause
  })
}
