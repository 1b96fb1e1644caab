/**
 * Where a named pipe of Windows is: its name, `\\.\pipe\...`.
 *
 * Values made here compare by content (`Equal.equals`) and hash. Names of pipes do not tell upper case from lower.
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
 * The name of a named pipe.
 *
 * @since 0.1.0
 * @category models
 */
export interface PipeAddress {
  readonly _tag: "PipeAddress"
  /** The whole name: `\\.\pipe\app`. */
  readonly name: string
}

class PipeAddressValue implements PipeAddress, Equal.Equal {
  readonly _tag = "PipeAddress"
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  [Equal.symbol](that: Equal.Equal): boolean {
    return that instanceof PipeAddressValue && that.name.toLowerCase() === this.name.toLowerCase()
  }

  [Hash.symbol](): number {
    return Hash.cached(this, Hash.string(this.name.toLowerCase()))
  }

  toString(): string {
    return this.name
  }
}

/**
 * `\\.\pipe\` on this machine, or `\\SERVER\pipe\` on another; then a name that leads nowhere else, as a slash of either kind
 * would, or a dot or a blank at its end: Windows takes those away, and it would be the pipe of another name.
 */
const NAME = /^\\\\[^\\/]+\\pipe\\[^\\/]*[^\\/. ]$/i

const BEGINNING = /^\\\\[^\\/]+\\pipe\\/i

/**
 * Whether a path is meant for a pipe, by its beginning; whether it names one, `makePipe` says.
 *
 * @internal
 */
export const isPipePath = (path: string): boolean => typeof path === "string" && BEGINNING.test(path)

/** Windows' limit for the whole name, in UTF-16 units. */
const LONGEST_NAME = 256

const adviceOnName = (name: unknown): string | undefined => {
  if (typeof name !== "string") return `the name of a pipe is a string, not ${quote(name)}`
  if (name.includes("\0")) return "the name of a pipe has no NUL character"
  if (!NAME.test(name)) {
    return String.raw`the name of a pipe begins with \\.\pipe\, has no further slash, and ends in neither a dot nor a blank`
  }
  if (name.length > LONGEST_NAME) return `the name of a pipe has ${LONGEST_NAME} characters at most`
  return undefined
}

/**
 * The address of a pipe by its whole name.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makePipe = (name: string): Either.Either<PipeAddress, NetworkError> => {
  const advice = adviceOnName(name)
  return advice === undefined
    ? Either.right(new PipeAddressValue(name))
    : Either.left(invalidArgument("address", advice))
}

/**
 * Like `makePipe`, for literals in a program: throws the `NetworkError`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const unsafeMakePipe = (name: string): PipeAddress => Either.getOrThrowWith(makePipe(name), identity)

/** @internal */
export const formatPipe = ({ name }: PipeAddress): string => printed(name)
