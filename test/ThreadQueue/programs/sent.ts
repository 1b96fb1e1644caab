/** What the threads of the tests send: bytes that tell of whom, and which entry, they are; of many lengths, 0 among them. */
export const sentBytes = (thread: number, value: number): Uint8Array =>
  Uint8Array.from({ length: (thread * 31 + value * 7) % 200 }, (_, at) => thread + value + at)
