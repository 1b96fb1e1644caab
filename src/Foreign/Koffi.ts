/**
 * Loads the foreign-function library, and nothing before somebody needs it.
 *
 * Importing the package must run on every platform and load no native code, so koffi is required here, on
 * the first call, and nowhere else. Only the binding files (`Kernel32.ts`, `Winsock.ts`, `IpHelper.ts`,
 * `Libc.ts`) and
 * this folder know that it exists.
 *
 * @since 0.1.0
 */
import { createRequire } from "node:module"
import type * as Koffi from "koffi"

let loaded: typeof Koffi | undefined

/** @internal */
export const koffi = (): typeof Koffi => {
  loaded ??= createRequire(import.meta.url)("koffi") as typeof Koffi
  return loaded
}

/**
 * Makes a value once, on first use: the shape of every set of bindings.
 *
 * @internal
 */
export const lazily = <A>(make: () => A): (() => A) => {
  let made: { readonly value: A } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
