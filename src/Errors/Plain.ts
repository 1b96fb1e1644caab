/**
 * Errors as plain data: what goes in without its gaps, what comes out for JSON.
 *
 * @since 0.1.0
 */
import { inspect } from "node:util"

/**
 * A copy without the fields that are `undefined`: two errors that say the same are then equal, whether a field
 * was left out or passed as `undefined`.
 *
 * @internal
 */
export const definedFields = <A extends object>(fields: A): A => {
  const copy = { ...fields }
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) Reflect.deleteProperty(copy, key)
  }
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
