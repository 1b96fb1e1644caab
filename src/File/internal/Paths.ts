/**
 * What is asked of paths that a program gives, and of the options beside them. No compiler looked at some of them.
 *
 * @since 0.1.0
 */
import { quote } from "../../Address/HostPort.js"

/**
 * What is wrong with a path, if anything is.
 *
 * @internal
 */
export const wrongPath = (path: unknown): string | undefined => {
  if (typeof path !== "string") return `a path is a string, not ${quote(path)}`
  if (path === "") return "the path is empty"
  return path.includes("\0") ? "a path has no zero characters in it" : undefined
}

/**
 * A path as an error names it. What is no text has no name: the error says what it is.
 *
 * @internal
 */
export const nameOf = (path: unknown): string | undefined => (typeof path === "string" ? path : undefined)

/** @internal */
export const isOptions = (options: unknown): boolean => typeof options === "object" && options !== null
