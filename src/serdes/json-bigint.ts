import { messageOf } from '../errors.ts'
import { decodeFailed, encodeFailed } from './failures.ts'
import { readJson, writeJson } from './json-text.ts'
import type { Serde } from './serde.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A string, with the colon where it names a field; or a number. */
const token = /"(?:[^"\\]|\\.)*"(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g
const longInteger = /^-?\d{16,}$/
/** Begins a text that stands for a bigint, and stands twice where a text begins with it: JSON has but one escape for it. */
const mark = '\u0000'
const markInJson = String.raw`"\u0000`

/**
 * JSON whose integers beyond 2^53 are bigints, as the ids of many databases are: type them `number | bigint`. A bigint
 * within 2^53 is refused, for it would come back as a number. All else is as with `serdes.json`.
 *
 * @example
 * ```ts
 * const payments = topic('payments', {
 *   key: serdes.string,
 *   value: serdes.jsonBigint<{ id: number | bigint; amount: number }>(),
 * })
 * ```
 */
export function jsonBigint<T>(): Serde<T> {
  return {
    name: 'json',
    serialize: (value) => Buffer.from(write(value)),
    // What the type says, as with `serdes.json`.
    deserialize: (bytes) => read(textOf(bytes)) as T,
    fromText: (text) => read(text) as T,
  }
}

function write(value: unknown): string {
  const text = writeJson(copied(value), false)
  if (!text.includes(markInJson)) return text
  return text.replace(token, (part, colon: string | undefined) => {
    if (colon !== undefined || !part.startsWith(markInJson)) return part
    const marked = part.slice(markInJson.length, -1)
    return /^-?\d+$/.test(marked) ? marked : `"${marked}"`
  })
}

/** With texts in place of bigints. */
function copied(value: unknown): unknown {
  try {
    return mapped(value, (leaf) => {
      if (typeof leaf === 'string') return leaf.startsWith(mark) ? mark + leaf : leaf
      if (typeof leaf !== 'bigint') return leaf
      if (isSafe(leaf)) throw encodeFailed('json', `${leaf}n would come back as a number`)
      return `${mark}${leaf}`
    })
  } catch (error) {
    throw error instanceof RangeError ? encodeFailed('json', messageOf(error), error) : error
  }
}

function read(text: string): unknown {
  const value = readJson(
    text.replace(token, (part, colon: string | undefined) => {
      if (colon !== undefined) return part
      if (part.startsWith(markInJson)) return `${markInJson}${part.slice(1)}`
      return longInteger.test(part) && !isSafe(BigInt(part)) ? `${markInJson}${part}"` : part
    }),
  )
  return mapped(value, (leaf) => {
    if (typeof leaf !== 'string' || !leaf.startsWith(mark)) return leaf
    return leaf.startsWith(mark, 1) ? leaf.slice(1) : BigInt(leaf.slice(1))
  })
}

function mapped(value: unknown, change: (leaf: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => mapped(item, change))
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return change(value)
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, mapped(field, change)]))
}

function isSafe(value: bigint): boolean {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER)
}

function textOf(bytes: Buffer): string {
  try {
    return utf8.decode(bytes)
  } catch (error) {
    throw decodeFailed('json', messageOf(error), error)
  }
}
