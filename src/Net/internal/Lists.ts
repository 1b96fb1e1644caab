/**
 * What is asked of lists that a program gives.
 *
 * @since 0.1.0
 */

/**
 * What no compiler looked at may be anything. (`Array.isArray` itself would take the types from what it is asked about.)
 *
 * @internal
 */
export const isList = (value: unknown): boolean => Array.isArray(value)
