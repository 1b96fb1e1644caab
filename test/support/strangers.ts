/** What a program without a compiler may give in the place of a text. */
export const strangers: ReadonlyArray<readonly [name: string, value: never]> = [
  ["undefined", undefined as never],
  ["null", null as never],
  ["a number", 42 as never],
  ["NaN", Number.NaN as never],
  ["a big number", 42n as never],
  ["a symbol", Symbol("path") as never],
  ["an object", {} as never],
  ["a list", ["path"] as never],
  ["bytes", Uint8Array.of(1, 2, 3) as never],
  ["a function", (() => "path") as never],
  ["a text in a box", new String("path") as never],
  ["what has no text", Object.create(null) as never],
  ["what throws when asked for its text", { toString: () => assertNever() } as never]
]

const assertNever = (): never => {
  throw new Error("it was asked for its text")
}
