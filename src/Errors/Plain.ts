/**
 * Errors as plain data: what goes in without its gaps, what comes out for JSON.
 *
 * @since 0.1.0
 */
import { inspect } from "node:util"

/**
 * The fields without those that are `undefined`: two errors that say the same are then equal, whether a field was
 * left out or passed as `undefined`.
 *
 * @internal
 */
export const definedFields = <A extends object>(fields: A): A => {
  const gaps = Object.entries(fields).filter(([, value]) => value === undefined)
  // Most have none: a copy, and an object with holes in it, are slow to make.
  if (gaps.length === 0) return fields
  const copy = { ...fields }
  for (const [key] of gaps) Reflect.deleteProperty(copy, key)
  return copy
}

/**
 * An error as JSON: its fields and its message. The cause becomes text, since most errors have no JSON form,
 * and some values (those that refer to themselves) cannot have one.
 *
 * @internal
 */
export const toPlainObject = (error: Error): object => ({
  ...error,
  message: error.message,
  ...(error.cause === undefined ? {} : { cause: causeText(error.cause) })
})

const causeText = (cause: unknown): string => {
  if (typeof cause === "string") return cause
  return cause instanceof Error ? String(cause) : inspect(cause, { breakLength: Number.POSITIVE_INFINITY })
}
