import type { Headers } from '../records/chunk.ts'

/** Headers as parts for `joinParts`: name, value, name, value, … */
export function headerParts(headers: Headers | undefined = {}): Buffer[] {
  return Object.entries(headers).flatMap(([name, header]) => [Buffer.from(name), header])
}

/** The headers of `headerParts`; without any there are none. */
export function headersOf(parts: readonly Buffer[]): Headers | undefined {
  if (parts.length === 0) return undefined
  const headers: [string, Buffer][] = []
  for (let i = 0; i + 1 < parts.length; i += 2) headers.push([String(parts[i]), parts[i + 1] as Buffer])
  return Object.fromEntries(headers)
}
