/**
 * Where the events come in that other threads post: a pipe, whose reading end is registered with the instance.
 *
 * The system has no queue of an instance's own that one could post to, but it has pipes, and those have what is needed:
 * a record that is so short is written whole or not at all, also by a thread that is terminated; records of one thread
 * stay in order; and a pipe that is full says so.
 *
 * Each share has a pipe of its own, so that one thread that posts much does not keep the others out.
 *
 * Lifecycle:
 *
 *     Open      other threads write by the lease of the writing end; the instance reads a batch when it is out of events
 *               from outside, and not before: what it has not asked for stays in the pipe, and holds up who writes.
 *     Ended     the lease is over. What is in the pipe can still be read.
 *     Closed    the reading end is closed, and registered no more.
 *
 * @since 0.1.0
 */
import type { Lease } from "../Foreign/Lease.js"
import { EINTR } from "./Constants.js"
import type { PostedEvent } from "./Event.js"
import type { Libc } from "./Libc.js"

/** The data in 8 bytes, then the number of bytes in 4. */
const RECORD_BYTES = 12

/** So many records are read at once, at most: what fits into one page of the system's. */
const RECORDS_AT_ONCE = 341

/**
 * An event as it goes through the pipe.
 *
 * @internal
 */
export const encodeRecord = (data: bigint, bytes: number): Uint8Array => {
  const record = new Uint8Array(RECORD_BYTES)
  const view = new DataView(record.buffer)
  view.setBigUint64(0, data, true)
  view.setUint32(8, bytes, true)
  return record
}

const batch = new Uint8Array(RECORDS_AT_ONCE * RECORD_BYTES)
const batchView = new DataView(batch.buffer)

const recordAt = (at: number): PostedEvent => ({
  _tag: "PostedEvent",
  data: batchView.getBigUint64(at, true),
  bytes: batchView.getUint32(at + 8, true)
})

/** @internal */
export class Inlet {
  /** The reading end. This class closes it. */
  readonly reader: number
  /** Of the writing end, by which other threads write. */
  readonly lease: Lease
  /** Which of the registrations of the reader's number this one is. */
  generation = -1
  private readonly system: Libc

  constructor(system: Libc, reader: number, lease: Lease) {
    this.system = system
    this.reader = reader
    this.lease = lease
  }

  /** Reads a batch of what is there; none if nothing is. */
  read(): ReadonlyArray<PostedEvent> {
    const events: Array<PostedEvent> = []
    const count = this.readBatch()
    for (let at = 0; at < count; at += RECORD_BYTES) events.push(recordAt(at))
    return events
  }

  close(): void {
    this.lease.end()
    // A descriptor is gone after close(2), whatever it answers.
    this.system.close(this.reader)
  }

  /** How many bytes were read: whole records, since only whole ones are written. 0 if nothing is there. */
  private readBatch(): number {
    for (;;) {
      const count = this.system.read(this.reader, batch, batch.length)
      if (count >= 0) return count
      if (this.system.errno() !== EINTR) return 0
    }
  }
}
