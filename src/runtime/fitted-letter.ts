import type { Headers } from '../records/chunk.ts'
import type { DeadLetterRecord } from './dead-letter.ts'

/** A topic takes 1,048,588 bytes where nobody has said otherwise, with what the protocol puts around a record. */
const letterBytesMax = 1_000_000
/** Of the key, and of the headers that the record came with: the value is what somebody will look at. */
const partBytesMax = 250_000

/**
 * A dead letter that its topic takes, however large the record was: `own` are the headers that say where and why. What
 * is too much is left out (of the value, and of the key, the end), and the header `cut` says so.
 */
export function fitted(letter: DeadLetterRecord, own: Headers): DeadLetterRecord {
  const { key, value, headers } = letter
  const whole = { ...letter, headers: [...headers, ...own] }
  if (bytesOf(key) + bytesOf(value) + headerBytes(whole.headers) <= letterBytesMax) return whole

  const kept = headerBytes(headers) > partBytesMax ? [] : headers
  const shortKey = beginning(key, partBytesMax)
  const room = letterBytesMax - 1_000 - headerBytes([...kept, ...own]) - bytesOf(shortKey)
  const shortValue = beginning(value, room)
  const losses = [
    kept === headers ? '' : `without its ${headers.length} headers`,
    lossOf('key', key, shortKey),
    lossOf('value', value, shortValue),
  ].filter((loss) => loss !== '')
  const cut = Buffer.from(`the record is too large for this topic; it is here ${losses.join(', ')}`)
  return { ...letter, key: shortKey, value: shortValue, headers: [...kept, ...own, ['cut', cut]] }
}

function lossOf(name: string, whole: Buffer | null, short: Buffer | null): string {
  return short === whole
    ? ''
    : `with the first ${bytesOf(short)} of the ${bytesOf(whole)} bytes of its ${name}`
}

function beginning(bytes: Buffer | null, bytesMax: number): Buffer | null {
  return bytes && bytes.length > bytesMax ? bytes.subarray(0, bytesMax) : bytes
}

function bytesOf(bytes: Buffer | null): number {
  return bytes?.length ?? 0
}

function headerBytes(headers: Headers): number {
  return headers.reduce((sum, [name, value]) => sum + 3 * name.length + bytesOf(value) + 10, 0)
}
