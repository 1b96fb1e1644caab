/**
 * What the tables of system codes share: their rows, and how a row becomes an error.
 *
 * @since 0.1.0
 */
import type { ErrorDetails, SocketError } from "./Errors.js"
import { type SocketErrorReason, socketError } from "./SystemCall.js"

/**
 * One code: its number, its name, why calls on sockets fail with it, and what to do about it where the reason
 * alone does not say. Codes that no call on a socket gives have a name and no reason.
 *
 * @internal
 */
export type CodeRow = readonly [code: number, name: string, reason?: SocketErrorReason, advice?: string]

/** @internal */
export type CodeTable = ReadonlyMap<number, CodeRow>

/** @internal */
export const codeTable = (rows: ReadonlyArray<CodeRow>): CodeTable =>
  new Map(rows.map((row) => [row[0], row]))

/**
 * The advice for codes that say "no failure". No call that failed gives one; whoever made an error of it read
 * the code at the wrong time.
 *
 * @internal
 */
export const notAFailure =
  "The system reports no failure by this code: please report it as a defect of this library."

/**
 * What is known about a failed call, its code included.
 *
 * @internal
 */
export interface CodeDetails extends ErrorDetails {
  readonly code: number
  readonly codeName: string
}

/**
 * The error for a code. One that has no row, or a row without a reason, is `Unknown`.
 *
 * @internal
 */
export const fromCode = (table: CodeTable, details: CodeDetails): SocketError => {
  const [, , reason = "Unknown", advice] = table.get(details.code) ?? []
  return socketError(reason, advice === undefined ? details : { ...details, advice })
}
