import { checked } from '../checked.ts'
import { RivuletError } from '../errors.ts'

/** A key within one window. Tumbling and hopping: `[startMs, endMs)`; sliding and session: `endMs` is inside. */
export interface Windowed<K> {
  readonly key: K
  readonly startMs: number
  readonly endMs: number
}

/** `[startMs, startMs + sizeMs)`, aligned to the epoch, one starting every `advanceMs`. */
export interface TimeWindows {
  readonly kind: 'time'
  readonly sizeMs: number
  readonly advanceMs: number
  readonly graceMs: number
}

/** For each record `[ts − differenceMs, ts]` and `[ts + 1, ts + 1 + differenceMs]`, both ends inside. */
export interface SlidingWindows {
  readonly kind: 'sliding'
  readonly differenceMs: number
  readonly graceMs: number
}

/** Records of a key at most `gapMs` apart belong to one session; both ends inside. With 0 it is an instant. */
export interface SessionWindows {
  readonly kind: 'session'
  readonly gapMs: number
  readonly graceMs: number
}

/** `graceMs` (how late a record may come, default 0) has no hidden value: unlike Kafka's old 24 hours, 0 is 0. */
export interface Grace {
  readonly graceMs?: number
}

/** Windows that follow each other without overlap. Source: Kafka Streams' `TimeWindows`. */
export function tumbling({ sizeMs, graceMs = 0 }: { sizeMs: number } & Grace): TimeWindows {
  return { kind: 'time', ...checked({ sizeMs }, 1), advanceMs: sizeMs, ...checked({ graceMs }, 0) }
}

/** Windows that overlap: one of `sizeMs` starts every `advanceMs`. Source: Kafka Streams' `TimeWindows.advanceBy`. */
export function hopping({
  sizeMs,
  advanceMs,
  graceMs = 0,
}: { sizeMs: number; advanceMs: number } & Grace): TimeWindows {
  const spans = checked({ sizeMs, advanceMs }, 1)
  if (advanceMs > sizeMs) {
    throw new RivuletError(
      'BAD_TOPOLOGY',
      `advanceMs (${advanceMs}) is larger than sizeMs (${sizeMs}): records would fall between windows`,
      { place: { parameter: 'advanceMs' } },
    )
  }
  return { kind: 'time', ...spans, ...checked({ graceMs }, 0) }
}

/**
 * Windows that follow the records. Source: Kafka Streams' `SlidingWindows`, which also takes a difference of 0, and fails
 * at the first record then.
 */
export function sliding({ differenceMs, graceMs = 0 }: { differenceMs: number } & Grace): SlidingWindows {
  return { kind: 'sliding', ...checked({ differenceMs }, 1), ...checked({ graceMs }, 0) }
}

/** Windows of activity. Source: Kafka Streams' `SessionWindows`. */
export function session({ gapMs, graceMs = 0 }: { gapMs: number } & Grace): SessionWindows {
  return { kind: 'session', ...checked({ gapMs }, 0), ...checked({ graceMs }, 0) }
}

/** Start of the first (earliest) window that holds `timestampMs`. */
export function firstWindowStartMs({ sizeMs, advanceMs }: TimeWindows, timestampMs: number): number {
  return Math.floor(Math.max(0, timestampMs - sizeMs + advanceMs) / advanceMs) * advanceMs
}
