/**
 * The code blocks of README.md, as modules that compile and run.
 *
 * Three kinds: a program has imports of its own, and runs when it is imported; the prelude is the one that follows
 * `<!-- prelude -->`; a snippet is the inside of an `Effect.gen`, under the prelude's imports.
 */
import { readFileSync } from "node:fs"

export interface Block {
  readonly kind: "program" | "prelude" | "snippet"
  /** The heading it stands under, and which of that section's blocks it is. */
  readonly name: string
  readonly code: string
  /** The only platform it runs on; `undefined`: every one. */
  readonly platform: string | undefined
}

export const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8").replaceAll(
  "\r\n",
  "\n"
)

const kindOf = (code: string, before: string): Block["kind"] => {
  if (before.trimEnd().endsWith("<!-- prelude -->")) return "prelude"
  return /^import /m.test(code) ? "program" : "snippet"
}

/** The headings of a text: what a `#` begins outside of a code block. */
const lastHeading = (text: string): string =>
  [...text.replace(/^```[\s\S]*?^```$/gm, "").matchAll(/^#+ (.*)$/gm)].at(-1)?.[1] ?? "the top"

export const blocks: ReadonlyArray<Block> = [...readme.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(
  ({ 1: code = "", index }, number) => {
    const before = readme.slice(0, index)
    return {
      kind: kindOf(code, before),
      name: `${number + 1}, under "${lastHeading(before)}"`,
      code,
      platform: /^\/\/ platform: (\w+)$/m.exec(code)?.[1]
    }
  }
)

const indented = (code: string) => code.replace(/^(?=.)/gm, "    ")

/** A snippet becomes a function from what it may use to an effect. */
const snippetModule = (prelude: string, code: string) => `${prelude}
import type { Given } from "../../test/examples/snippets.js"

export const snippet = ({ bytes, connection, listener }: Given) =>
  Effect.gen(function* () {
${indented(code)}  })
`

/** The text of the module that a block becomes. */
export const moduleOf = ({ code, kind }: Block): string => {
  const prelude = blocks.find((block) => block.kind === "prelude")?.code ?? ""
  if (kind === "snippet") return snippetModule(prelude, code)
  return kind === "prelude" ? `${code}\nexport {}\n` : code
}

/** What stands between single backticks. */
const mentions = [...readme.replace(/^```[\s\S]*?^```$/gm, "").matchAll(/`([^`\n]+)`/g)].map(
  ({ 1: text = "" }) => text
)

/**
 * A module that compiles only if every function, type and member that the text mentions is there: `Net.listen`,
 * `Net.Connection`, `connection.read`.
 */
export const mentionsModule = (): string => {
  const lines = new Set<string>()
  for (const text of mentions) {
    const [, owner, member] = /^(\w+)\.(\w+)/.exec(text) ?? []
    if (owner === "connection") lines.add(`Net.Connection["${member}"]`)
    else if (owner === "listener") lines.add(`Net.Listener["${member}"]`)
    else if (
      owner !== undefined &&
      /^(Net|Directory|File|Future|Framing|NamedPipe|Iocp|Epoll|Errors|Proactor|ProxyProtocol|Streams|ThreadQueue|Unix)$/.test(
        owner
      )
    ) {
      lines.add(/^[A-Z]/.test(member ?? "") ? `${owner}.${member}` : `typeof ${owner}.${member}`)
    }
  }
  const types = [...lines].map((type, index) => `export type Mention${index} = ${type}`)
  return `import type { Directory, Epoll, Errors, File, Framing, Future, Iocp, NamedPipe, Net, Proactor, ProxyProtocol, Streams, ThreadQueue, Unix } from "effect-iocp"
${types.join("\n").replaceAll("Future.Future", "Future.Future<void>")}
`
}

/** The rows of the tables whose first cell is a reason: the reason, and the codes that the row names. */
export const reasonRows = [...readme.matchAll(/^\| `(\w+)` \| (.*) \| (.*) \|$/gm)].map(
  ({ 1: reason = "", 2: linux = "", 3: windows = "" }) => ({
    reason,
    linux: codesIn(linux),
    windows: codesIn(windows)
  })
)

/** `ECONNREFUSED 111` and the like. */
function codesIn(cell: string): ReadonlyArray<{ readonly name: string; readonly code: number }> {
  return [...cell.matchAll(/\b([A-Z][A-Z_]+) (\d+)\b/g)].map(({ 1: name = "", 2: code }) => ({
    name,
    code: Number(code)
  }))
}
