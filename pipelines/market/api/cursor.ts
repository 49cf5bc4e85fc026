import { RivuletError } from 'rivulet'
import type { Cursor } from './market-queries.ts'

/** What clients hold and give back unread: `partition-offset` for each partition, joined by `_`; `_` alone is the start. */
export function encodeCursor(cursor: Cursor): string {
  const parts = [...cursor].sort(([a], [b]) => a - b).map(([partition, offset]) => `${partition}-${offset}`)
  return parts.join('_') || '_'
}

/** Throws a `BAD_REQUEST` that names `parameter` when the text is not of `encodeCursor`'s making. */
export function decodeCursor(text: string, parameter: string): Cursor {
  if (text === '_') return new Map()
  const cursor = new Map<number, number>()
  for (const part of text.length <= textLengthMax ? text.split('_') : ['']) {
    const [, partition, offset] = /^(\d{1,5})-(\d{1,15})$/.exec(part) ?? []
    if (partition === undefined || offset === undefined || cursor.has(Number(partition))) {
      throw new RivuletError('BAD_REQUEST', `${parameter} is not a cursor that this API gave`, {
        place: { parameter },
      })
    }
    cursor.set(Number(partition), Number(offset))
  }
  return cursor
}

/** Room for a few hundred partitions; a longer one would not fit into a request anyway. */
const textLengthMax = 8192

/** Whether nothing stands between `cursor` and `end`: reading on would give nothing. */
export function reaches(cursor: Cursor, end: Cursor): boolean {
  for (const [partition, offset] of end) if ((cursor.get(partition) ?? 0) < offset) return false
  return true
}
