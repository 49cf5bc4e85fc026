import type { Header, Headers } from '../records/chunk.ts'
import { joinParts, splitParts } from './parts.ts'
import type { Serde } from './serde.ts'

/** Stands before the name of a header without value: no text begins so. */
const noValue = Buffer.of(0xff)

/** Headers as parts for `joinParts`: name, value, name, value, … */
export function headerParts(headers: Headers | undefined = []): Buffer[] {
  return headers.flatMap(([name, value]) =>
    value ? [Buffer.from(name), value] : [Buffer.concat([noValue, Buffer.from(name)]), Buffer.alloc(0)],
  )
}

/** The headers of `headerParts`; without any there are none. */
export function headersOf(parts: readonly Buffer[]): Headers | undefined {
  if (parts.length === 0) return undefined
  const headers: Header[] = []
  for (let i = 0; i + 1 < parts.length; i += 2) {
    const [name, value] = [parts[i] as Buffer, parts[i + 1] as Buffer]
    headers.push(name[0] === noValue[0] ? [String(name.subarray(1)), null] : [String(name), value])
  }
  return headers
}

/** A record's headers as a value of a store. */
export const headersSerde: Serde<Headers> = {
  name: 'headers',
  serialize: (headers) => joinParts(...headerParts(headers)),
  deserialize: (bytes) => headersOf(splitParts(bytes)) ?? [],
}
