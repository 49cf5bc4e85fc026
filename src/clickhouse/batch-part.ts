import type { EncodedRows } from './client.ts'
import { RowWriter } from './row-writer.ts'

/** The offsets of a contiguous range that make rows: the first one, the last one, and where the range ends (inclusive). */
export interface PlaceRange {
  readonly from: number
  readonly offset: number
  readonly to: number
}

/** Rows that are inserted at once: a batch, or what is left of one from which refused records are sorted out. */
export interface BatchPart {
  readonly topic: string
  readonly partition: number
  readonly range: PlaceRange
  /** They never change. */
  readonly rows: EncodedRows
  /** How often it was sent. */
  tries: number
  /** How often ClickHouse has said that it took the rows, and they were not there. */
  losses: number
}

/** Each row begins with its offset, of 8 bytes; then come its topic and partition, and the two ends of its range. */
const offsetBytes = 8
const rangeBytes = 16

/** What all rows of a topic's partition have behind their offset, with room for the range. */
export function placeBytes(topic: string, partition: number): Uint8Array {
  const place = new RowWriter()
  place.text(topic)
  place.integer(partition, 16)
  place.raw(new Uint8Array(rangeBytes))
  return place.bytes
}

/** Writes the range into the rows, and never changes them again. */
export function batchPart({ topic, partition, range, rows }: Omit<BatchPart, 'tries' | 'losses'>): BatchPart {
  const fromAt = offsetBytes + placeBytes(topic, partition).length - rangeBytes
  const ends = new RowWriter()
  ends.integer64(range.from)
  ends.integer64(range.to)
  for (const start of rows.starts) rows.bytes.set(ends.bytes, start + fromAt)
  return { topic, partition, range, rows, tries: 0, losses: 0 }
}

/** Two parts of it, each with a range of its own; undefined: it is one record, whose rows belong together. */
export function halvesOf(part: BatchPart): [BatchPart, BatchPart] | undefined {
  const { bytes, starts } = part.rows
  const offsets = starts.map((start) => Number(bytes.readBigUInt64LE(start)))
  const middle = boundaryNear(offsets, offsets.length >> 1)
  if (middle === undefined) return undefined
  const { from, offset, to } = part.range
  const border = offsets[middle] as number
  return [
    partOf(part, 0, middle, { from, offset: offsets[middle - 1] as number, to: border - 1 }),
    partOf(part, middle, starts.length, { from: border, offset, to }),
  ]
}

/** Index of a row, near this one, with which a record begins that is not the first. */
function boundaryNear(offsets: readonly number[], index: number): number | undefined {
  const begins = (i: number) => offsets[i] !== offsets[i - 1]
  for (let i = index; i < offsets.length; i++) if (i > 0 && begins(i)) return i
  for (let i = index; i > 0; i--) if (begins(i)) return i
  return undefined
}

/** Rows `first` to `end` of a part, in bytes of their own. */
function partOf(
  { topic, partition, rows }: BatchPart,
  first: number,
  end: number,
  range: PlaceRange,
): BatchPart {
  const firstAt = rows.starts[first] ?? 0
  const bytes = Buffer.from(rows.bytes.subarray(firstAt, rows.starts[end]))
  const starts = rows.starts.slice(first, end).map((start) => start - firstAt)
  return batchPart({ topic, partition, range, rows: { bytes, starts } })
}
