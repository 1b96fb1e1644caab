/**
 * What is asked of paths that a program gives.
 *
 * @since 0.1.0
 */

/**
 * What is wrong with a path, if anything is.
 *
 * @internal
 */
export const wrongPath = (path: unknown): string | undefined => {
  if (typeof path !== "string") return "a path is a string"
  if (path === "") return "the path is empty"
  return path.includes("\0") ? "a path has no zero characters in it" : undefined
}
