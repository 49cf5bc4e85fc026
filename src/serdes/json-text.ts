import { messageOf } from '../errors.ts'
import { isPlainlyExact, whyNotExact } from './exact-json.ts'
import { decodeFailed, encodeFailed } from './failures.ts'

/** The JSON of a value. Throws `ENCODE_FAILED`, with the place within it, for what would not come back as it is. */
export function writeJson(value: unknown, hasSchema: boolean): string {
  if (!isPlainlyExact(value)) refuse(value, hasSchema)
  const text = stringify(value)
  // Of half a pair only the escape is written.
  if (text.includes('\\ud')) refuse(value, hasSchema)
  return text
}

/** The value of a text. Throws `DECODE_FAILED` for what is no JSON, or what `writeJson` would refuse. */
export function readJson(text: string): unknown {
  const value = parse(text)
  if (!isPlainlyExact(value) || text.includes('\\u')) {
    const why = whyNotExact(value, true)
    if (why !== undefined) throw decodeFailed('json that comes back as it is', why)
  }
  return value
}

function refuse(value: unknown, hasSchema: boolean): void {
  const why = whyNotExact(value, hasSchema)
  if (why !== undefined) throw encodeFailed('json', why)
}

function stringify(value: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (error) {
    throw encodeFailed('json', messageOf(error), error)
  }
  if (text === undefined) throw encodeFailed('json', 'its JSON is undefined')
  return text
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw decodeFailed('json', messageOf(error), error)
  }
}
