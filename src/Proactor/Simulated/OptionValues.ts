/**
 * The options of a simulated socket: checked as a system's are, and remembered.
 *
 * @since 0.1.0
 */
import { invalidArgument, type SocketError, unsupported } from "../../Errors/index.js"
import {
  encodeOption,
  type IntegerOptionName,
  type SocketFamily,
  type SocketOptions,
  withArticle
} from "../SocketOption.js"
import type { Settings } from "./Options.js"

/** No buffer is smaller, whatever it is asked to be. */
const SMALLEST_BUFFER_BYTES = 1

/** @internal */
export class OptionValues {
  private values: SocketOptions
  private readonly family: SocketFamily

  constructor({ receiveBufferBytes, sendBufferBytes }: Settings, family: SocketFamily) {
    this.family = family
    this.values = {
      noDelay: true,
      keepAlive: false,
      lingerSeconds: undefined,
      receiveBufferBytes,
      sendBufferBytes,
      // Linux's. They are remembered, and do nothing.
      keepAliveIdleSeconds: 7200,
      keepAliveIntervalSeconds: 75,
      keepAliveCount: 9,
      hopLimit: 64,
      trafficClass: 0,
      userTimeoutMilliseconds: 0,
      mark: 0,
      reusePort: false,
      v6Only: false,
      reuseAddress: false,
      broadcast: false,
      multicastHopLimit: 1,
      multicastLoopback: true,
      multicastInterface: undefined
    }
  }

  get<Name extends IntegerOptionName>(name: Name): SocketOptions[Name] {
    return this.values[name]
  }

  /** Why there is no such option, if there is none. */
  missing(operation: string, name: IntegerOptionName): SocketError | undefined {
    if (name === "reusePort") return unsupported(operation, "one socket has a port of a simulated host")
    if (this.has(name)) return undefined
    return unsupported(operation, `${withArticle(this.family)} socket has no ${name}`)
  }

  private has(name: IntegerOptionName): boolean {
    if (this.family === "Unix") return name === "sendBufferBytes"
    return name !== "v6Only" || this.family === "IPv6"
  }

  /** What is wrong with the value, if something is. */
  set<Name extends IntegerOptionName>(name: Name, value: SocketOptions[Name]): SocketError | undefined {
    const encoded = encodeOption(name, value)
    if (typeof encoded === "string") return invalidArgument("setOption", encoded)
    const missing = this.missing("setOption", name)
    if (missing !== undefined) return missing
    const isBuffer = name === "receiveBufferBytes" || name === "sendBufferBytes"
    const kept = isBuffer ? Math.max(SMALLEST_BUFFER_BYTES, encoded[1]) : value
    this.values = { ...this.values, [name]: kept }
    return undefined
  }

  /** Takes over what a listener was told, as the socket of a connection that it has accepted. */
  inherit({ values }: OptionValues): void {
    this.values = values
  }

  /** How much waits at either side of a connection. */
  get buffers(): { readonly sendBufferBytes: number; readonly receiveBufferBytes: number } {
    return this.values
  }

  /** Whether closing cuts the connection off. */
  get isAbortive(): boolean {
    return this.values.lingerSeconds === 0
  }
}
