/** Which message of a file it is: its place among the file's, then among those within that one, and so on. */
export type MessageIndexes = readonly number[]

/** The count and the places, as zigzag varints; one zero stands for the first message of the file. Source: Confluent's wire format. */
export function writeIndexes(indexes: MessageIndexes): Buffer {
  if (indexes.length === 1 && indexes[0] === 0) return Buffer.of(0)
  const bytes: number[] = []
  for (const number of [indexes.length, ...indexes]) {
    let left = number * 2
    for (; left > 0x7f; left = Math.floor(left / 0x80)) bytes.push((left % 0x80) + 0x80)
    bytes.push(left)
  }
  return Buffer.from(bytes)
}

const depthMax = 64
const varintBytesMax = 5

/** The places, and where the message begins. Throws where they are none. */
export function readIndexes(
  bytes: Buffer,
  from: number,
  to: number,
): { readonly indexes: MessageIndexes; readonly end: number } {
  let at = from
  const next = (): number => {
    let value = 0
    for (let i = 0; i < varintBytesMax; i++) {
      if (at >= to) throw new RangeError("it breaks off in the message's indexes")
      const byte = bytes[at++] as number
      value += (byte & 0x7f) * 0x80 ** i
      if (byte < 0x80) {
        if (value % 2 === 1) throw new RangeError("one of the message's indexes is below zero")
        return value / 2
      }
    }
    throw new RangeError("one of the message's indexes is too long")
  }
  const count = next()
  if (count > depthMax) throw new RangeError(`the message lies ${count} deep`)
  return count === 0 ? { indexes: [0], end: at } : { indexes: Array.from({ length: count }, next), end: at }
}
