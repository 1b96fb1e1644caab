/**
 * What a server keeps in mind of a connection to tell whether it is late: since when nothing has moved, and since when it
 * is there.
 *
 * Moving a byte only counts; the time is looked at when somebody looks, so that an idle timeout costs a busy
 * connection nothing. The first look starts the clock.
 *
 * @since 0.1.0
 */

/** @internal */
export class Vigil {
  private seen = -1
  private quietSince = 0
  private readonly watchedSince: number

  constructor(nowMillis: number) {
    this.watchedSince = nowMillis
  }

  /**
   * For how long, in milliseconds, nothing has moved, and the connection has been there. `progress` grows with every byte
   * that moves.
   */
  look(nowMillis: number, progress: number): { readonly idleMillis: number; readonly ageMillis: number } {
    if (progress !== this.seen) {
      this.seen = progress
      this.quietSince = nowMillis
    }
    return { idleMillis: nowMillis - this.quietSince, ageMillis: nowMillis - this.watchedSince }
  }
}
