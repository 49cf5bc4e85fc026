import type { PartitionLog } from './partition-log.ts'
import { attribute } from './record-batch.ts'
import { readRecords } from './records.ts'
import type { ScannedBatch } from './segment.ts'

export interface Found {
  readonly offset: number
  readonly timestampMs: number
}

type TimedLog = Pick<PartitionLog, 'segments' | 'startOffset'>

/** The first record that is at least as late; undefined when there is none. */
export function findTimestamp(log: TimedLog, timestampMs: number): Found | undefined {
  for (const segment of log.segments) {
    if (segment.maxTimestampMs < timestampMs) continue
    for (const batch of segment.scanForTimestamp(timestampMs)) {
      const found = findIn(batch, log.startOffset, timestampMs)
      if (found) return found
    }
  }
  return undefined
}

/** The first of the latest records, by their time; undefined when there is none. Source: KIP-734. */
export function findLatest(log: TimedLog): Found | undefined {
  let latest: Found | undefined
  for (const segment of log.segments.toSorted((a, b) => b.maxTimestampMs - a.maxTimestampMs)) {
    if (latest && segment.maxTimestampMs <= latest.timestampMs) break
    for (const batch of segment.scan()) {
      const found = findIn(batch, log.startOffset, batch.header.maxTimestampMs)
      if (found && found.timestampMs > (latest?.timestampMs ?? -1)) latest = found
    }
  }
  return latest
}

function findIn(
  { bytes, header }: ScannedBatch,
  startOffset: number,
  timestampMs: number,
): Found | undefined {
  if (header.maxTimestampMs < timestampMs || header.lastOffset < startOffset) return undefined
  if (header.attributes & attribute.control) return undefined
  return readRecords(bytes).find(
    (record) => record.timestampMs >= timestampMs && record.offset >= startOffset,
  )
}
