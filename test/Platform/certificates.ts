/**
 * The certificates of the tests of TLS, made by `certificates/generate.sh`. All but `selfSigned` are of the authority `ca`.
 */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

export const pathOf = (name: string): string =>
  fileURLToPath(new URL(`./certificates/${name}`, import.meta.url))

const pem = (name: string): string => readFileSync(pathOf(`${name}.pem`), "utf8")

const identity = (name: string) => ({ cert: pem(`${name}.cert`), key: pem(`${name}.key`) })

export const ca = pem("ca.cert")
/** For `localhost`, `127.0.0.1` and `::1`. */
export const server = identity("server")
/** For `other.test` and what is below it. */
export const other = identity("other")
/** For a client; no server may have it. */
export const client = identity("client")
/** For `localhost`, and of nobody's authority. */
export const selfSigned = identity("self-signed")
/** For `localhost`, until 2020. */
export const expired = identity("expired")
/** For `localhost`, from 2119 on. */
export const future = identity("future")
