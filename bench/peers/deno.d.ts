/** The part of Deno's API that deno.mjs uses. Its own declarations replace Node's, which the other programs need. */
export interface DenoConnection {
  /** How many bytes came; null at the end of the stream. */
  read(buffer: Uint8Array): Promise<number | null>
  write(bytes: Uint8Array): Promise<number>
  setNoDelay(on: boolean): void
  close(): void
}

declare global {
  const Deno: {
    listen(options: { readonly hostname: string; readonly port: number }): {
      readonly addr: { readonly port: number }
      accept(): Promise<DenoConnection>
    }
  }
}
