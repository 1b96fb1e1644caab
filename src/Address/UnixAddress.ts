/**
 * Where a Unix domain socket is: a path in the file system, or a name in Linux's abstract namespace (unix(7)).
 *
 * Values made here compare by content (`Equal.equals`) and hash.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import { identity } from "effect/Function"
import * as Hash from "effect/Hash"
import { invalidArgument, type NetworkError } from "../Errors/index.js"
import { printed, quote } from "./HostPort.js"

/**
 * The address of a Unix domain socket.
 *
 * @since 0.1.0
 * @category models
 */
export interface UnixAddress {
  readonly _tag: "UnixAddress"
  /**
   * The path; or, of an abstract address, a NUL character and the name. Empty for a socket that was never bound, as most
   * clients' are.
   */
  readonly path: string
}

class UnixAddressValue implements UnixAddress, Equal.Equal {
  readonly _tag = "UnixAddress"
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  [Equal.symbol](that: Equal.Equal): boolean {
    return that instanceof UnixAddressValue && that.path === this.path
  }

  [Hash.symbol](): number {
    return Hash.cached(this, Hash.string(this.path))
  }

  toString(): string {
    return formatUnix(this)
  }
}

/**
 * The most bytes that a path, or an abstract name with its NUL, may have: `sun_path` has 108, and a path ends with a NUL.
 *
 * @since 0.1.0
 * @category constants
 */
export const UNIX_PATH_MAX_BYTES = 108

const encoder = new TextEncoder()

const isAbstractPath = (path: string): boolean => typeof path === "string" && path.startsWith("\0")

/**
 * Whether the address is in the abstract namespace: no file, gone with its last socket. Linux.
 *
 * @since 0.1.0
 * @category getters
 */
export const isAbstract = ({ path }: UnixAddress): boolean => isAbstractPath(path)

/** Half a character: no bytes stand for it, and it would become another path. */
const LONE_SURROGATE = /\p{Surrogate}/u

/** What is wrong with a path, in words. */
const adviceOnPath = (path: unknown): string | undefined => {
  if (typeof path !== "string") return `a path is a string, not ${quote(path)}`
  if (path === "") return "the path is empty"
  if (LONE_SURROGATE.test(path)) return "the path has half a character (a lone surrogate)"
  const { length } = encoder.encode(path)
  if (isAbstractPath(path)) {
    if (path.length === 1) return "an abstract name has at least one character"
    return length > UNIX_PATH_MAX_BYTES
      ? `an abstract name has 107 bytes at most, not ${length - 1}`
      : undefined
  }
  if (path.includes("\0")) return "a path has no NUL character, but for the first of an abstract name"
  return length >= UNIX_PATH_MAX_BYTES ? `a path has 107 bytes at most, not ${length}` : undefined
}

/**
 * Makes a value of a path that the system told.
 *
 * @internal
 */
export const unixFromSystem = (path: string): UnixAddress => new UnixAddressValue(path)

/**
 * The address of a path, or of an abstract name: a path that begins with a NUL character.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeUnix = (path: string): Either.Either<UnixAddress, NetworkError> => {
  const advice = adviceOnPath(path)
  return advice === undefined
    ? Either.right(new UnixAddressValue(path))
    : Either.left(invalidArgument("address", advice))
}

/**
 * Like `makeUnix`, for literals in a program: throws the `NetworkError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unsafeMakeUnix = (path: string): UnixAddress => Either.getOrThrowWith(makeUnix(path), identity)

/**
 * An address as the tools of Linux write it: the path, or `@` and the abstract name. A path that begins with `@` itself has `./`
 * in front, which leads to the same file.
 *
 * @internal
 */
export const formatUnix = ({ path }: UnixAddress): string => {
  if (path === "") return "(unnamed)"
  if (typeof path !== "string") return printed(path)
  if (isAbstractPath(path)) return `@${path.slice(1)}`
  return path.startsWith("@") ? `./${path}` : path
}
