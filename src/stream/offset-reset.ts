import { checked, oneOf } from '../checked.ts'
import type { ErrorPlace } from '../errors.ts'

/**
 * Where a partition is begun of which the application has committed nothing yet: at its first record, behind its last one,
 * or at the first record that is no older than so many ms of wall-clock time (behind the last one where all are older).
 * Source: Kafka Streams `AutoOffsetReset`.
 */
export type OffsetReset =
  | 'earliest'
  | 'latest'
  | {
      /** Ms before the moment at which the partition is begun, against the records' timestamps in Kafka. */
      readonly byDurationMs: number
    }

/** Throws `BAD_TOPOLOGY` for what is none. */
export function checkOffsetReset(offsetReset: OffsetReset, place: ErrorPlace): void {
  if (typeof offsetReset === 'string') oneOf({ offsetReset }, ['earliest', 'latest'], place)
  else checked({ byDurationMs: offsetReset.byDurationMs }, 0, 'BAD_TOPOLOGY', place)
}

/** Whether both begin a partition at the same place. */
export function sameOffsetReset(a: OffsetReset = 'earliest', b: OffsetReset = 'earliest'): boolean {
  return typeof a === 'string' || typeof b === 'string' ? a === b : a.byDurationMs === b.byDurationMs
}
