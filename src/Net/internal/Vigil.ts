/**
 * What a server keeps in mind of a connection to tell whether it is late: since when nothing has moved, and since when
 * it is not established.
 *
 * Moving a byte only counts; the time is looked at when somebody looks, so that an idle timeout costs a busy
 * connection nothing. The first look starts the clock.
 *
 * @since 0.1.0
 */

/** @internal */
export class Vigil {
  private readonly progress: () => number
  private seen = -1
  private quietSince = 0
  private awaitedSince = -1
  private isEstablished = false

  /** `progress` grows with every byte that moves. */
  constructor(progress: () => number) {
    this.progress = progress
  }

  establish(): void {
    this.isEstablished = true
  }

  /** For how long, in milliseconds, nothing has moved, and the connection has not been established. */
  look(nowMillis: number): { readonly idleMillis: number; readonly handshakeMillis: number } {
    const progress = this.progress()
    if (progress !== this.seen) {
      this.seen = progress
      this.quietSince = nowMillis
    }
    if (this.awaitedSince < 0) this.awaitedSince = nowMillis
    return {
      idleMillis: nowMillis - this.quietSince,
      handshakeMillis: this.isEstablished ? 0 : nowMillis - this.awaitedSince
    }
  }
}
