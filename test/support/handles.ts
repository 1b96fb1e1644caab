/**
 * How many handles this process has open, for tests that look for leaks on Windows.
 *
 * Asks `NtQuerySystemInformation` for every handle of the system and counts this process's: exact on Windows
 * and under Wine, whose `GetProcessHandleCount` always answers 0.
 */
import { createRequire } from "node:module"
import type * as Koffi from "koffi"

const SYSTEM_EXTENDED_HANDLE_INFORMATION = 64
const STATUS_INFO_LENGTH_MISMATCH = 0xc000_0004
const HEADER_BYTES = 16
const ENTRY_BYTES = 40
const PROCESS_ID_AT = 8

type Query = (kind: number, buffer: Uint8Array, length: number, needed: Uint8Array) => number

let query: Query | undefined

const ntQuerySystemInformation = (): Query => {
  const koffi = createRequire(import.meta.url)("koffi") as typeof Koffi
  const parameters = ["uint32_t", "void *", "uint32_t", "void *"]
  query ??= koffi
    .load("ntdll.dll")
    .func("__stdcall", "NtQuerySystemInformation", "uint32_t", parameters) as unknown as Query
  return query
}

let buffer = Buffer.alloc(1 << 20)

/** The number of open handles of this process. Windows only. */
export const handleCount = (): number => {
  const ask = ntQuerySystemInformation()
  let status = ask(SYSTEM_EXTENDED_HANDLE_INFORMATION, buffer, buffer.byteLength, Buffer.alloc(4))
  while (status === STATUS_INFO_LENGTH_MISMATCH) {
    buffer = Buffer.alloc(buffer.byteLength * 2)
    status = ask(SYSTEM_EXTENDED_HANDLE_INFORMATION, buffer, buffer.byteLength, Buffer.alloc(4))
  }
  if (status !== 0) throw new Error(`NtQuerySystemInformation answered 0x${status.toString(16)}`)
  const total = Number(buffer.readBigUInt64LE(0))
  let own = 0
  for (let index = 0; index < total; index++) {
    const at = HEADER_BYTES + index * ENTRY_BYTES + PROCESS_ID_AT
    if (buffer.readUInt32LE(at) === process.pid) own += 1
  }
  return own
}
