/** The part of Bun's API that bun.mjs uses. Its own declarations replace Node's, which the other programs need. */
export interface BunSocket<Data> {
  data: Data
  /** How many bytes were taken; negative when the socket is closed. */
  write(bytes: Uint8Array | string): number
  end(): void
  setNoDelay(on: boolean): void
}

export interface BunHandlers<Data> {
  readonly started?: (socket: BunSocket<Data>) => void
  readonly data: (socket: BunSocket<Data>, bytes: Uint8Array) => void
  readonly drain: (socket: BunSocket<Data>) => void
}

declare global {
  const Bun: {
    listen<Data>(options: {
      readonly hostname: string
      readonly port: number
      readonly socket: {
        open(socket: BunSocket<Data>): void
        data(socket: BunSocket<Data>, bytes: Uint8Array): void
        drain(socket: BunSocket<Data>): void
        error(socket: BunSocket<Data>, error: Error): void
      }
    }): { readonly port: number }
  }
}
