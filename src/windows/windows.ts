import { checked } from '../checked.ts'
import { RivuletError } from '../errors.ts'

/** A key within one window. Tumbling and hopping: `[startMs, endMs)`; sliding and session: `endMs` is inside. */
export interface Windowed<K> {
  /** The records' key. */
  readonly key: K
  /** The first moment in it, ms since the epoch. */
  readonly startMs: number
  /** Ms since the epoch: of tumbling and hopping windows the first moment behind it, else the last one in it. */
  readonly endMs: number
}

/** `[startMs, startMs + sizeMs)`, aligned to the epoch plus `offsetMs`, one starting every `advanceMs`. */
export interface TimeWindows {
  /** Tells the kinds of windows apart. */
  readonly kind: 'time'
  /** Length of a window. */
  readonly sizeMs: number
  /** From one start to the next; of tumbling windows the size. */
  readonly advanceMs: number
  /** How much later than the epoch a window starts, less than `advanceMs`; absent: 0. */
  readonly offsetMs?: number
  /** How far stream time may be past a window's end while records are still taken. */
  readonly graceMs: number
}

/** For each record `[ts − differenceMs, ts]` and `[ts + 1, ts + 1 + differenceMs]`, both ends inside. */
export interface SlidingWindows {
  /** Tells the kinds of windows apart. */
  readonly kind: 'sliding'
  /** How far apart two records of one window may be. */
  readonly differenceMs: number
  /** How far stream time may be past a window's end while records are still taken. */
  readonly graceMs: number
}

/** Records of a key at most `gapMs` apart belong to one session; both ends inside. With 0 it is an instant. */
export interface SessionWindows {
  /** Tells the kinds of windows apart. */
  readonly kind: 'session'
  /** How long a key may be silent within a session. */
  readonly gapMs: number
  /** How far stream time may be past a session's end and gap while records are still taken. */
  readonly graceMs: number
}

/** How late a record may come. It has no hidden value: unlike Kafka's old 24 hours, 0 is 0. */
export interface Grace {
  /** How far stream time may be past a window's end while records are still taken; default 0. */
  readonly graceMs?: number
}

/** Where windows lie. */
export interface Offset {
  /**
   * How much later than at the epoch they start, ms, either way: days that begin at 22:00 UTC are
   * `{ sizeMs: 86_400_000, offsetMs: 79_200_000 }`. Default 0. What is stored with another offset is of other windows.
   */
  readonly offsetMs?: number
}

/**
 * Windows that follow each other without overlap. Throws `BAD_TOPOLOGY` for a size below 1, or a grace below 0. Source:
 * Kafka Streams' `TimeWindows`, which have no offset.
 *
 * @example
 * ```ts
 * stream(clicks)
 *   .groupByKey()
 *   .windowedBy(tumbling({ sizeMs: 60_000, graceMs: 5_000 }))
 *   .count()
 * ```
 */
export function tumbling({
  sizeMs,
  offsetMs = 0,
  graceMs = 0,
}: { sizeMs: number } & Offset & Grace): TimeWindows {
  const size = checked({ sizeMs }, 1)
  return {
    kind: 'time',
    ...size,
    advanceMs: sizeMs,
    ...offsetOf(offsetMs, sizeMs),
    ...checked({ graceMs }, 0),
  }
}

/**
 * Windows that overlap: one of `sizeMs` starts every `advanceMs`. Throws `BAD_TOPOLOGY` where records would fall
 * between windows. Source: Kafka Streams' `TimeWindows.advanceBy`.
 *
 * @example
 * ```ts
 * stream(clicks)
 *   .groupByKey()
 *   .windowedBy(hopping({ sizeMs: 3_600_000, advanceMs: 60_000 }))
 *   .count('clicks of the last hour')
 * ```
 */
export function hopping({
  sizeMs,
  advanceMs,
  offsetMs = 0,
  graceMs = 0,
}: { sizeMs: number; advanceMs: number } & Offset & Grace): TimeWindows {
  const spans = checked({ sizeMs, advanceMs }, 1)
  if (advanceMs > sizeMs) {
    throw new RivuletError(
      'BAD_TOPOLOGY',
      `advanceMs (${advanceMs}) is larger than sizeMs (${sizeMs}): records would fall between windows`,
      { place: { parameter: 'advanceMs' } },
    )
  }
  return { kind: 'time', ...spans, ...offsetOf(offsetMs, advanceMs), ...checked({ graceMs }, 0) }
}

/**
 * Windows that follow the records. Throws `BAD_TOPOLOGY` for a difference below 1. Source: Kafka Streams'
 * `SlidingWindows`, which also takes a difference of 0, and fails at the first record then.
 *
 * @example
 * ```ts
 * stream(clicks)
 *   .groupByKey()
 *   .windowedBy(sliding({ differenceMs: 10_000 }))
 *   .count('clicks within 10 s')
 * ```
 */
export function sliding({ differenceMs, graceMs = 0 }: { differenceMs: number } & Grace): SlidingWindows {
  return { kind: 'sliding', ...checked({ differenceMs }, 1), ...checked({ graceMs }, 0) }
}

/**
 * Windows of activity. Throws `BAD_TOPOLOGY` for a gap or a grace below 0. Source: Kafka Streams' `SessionWindows`.
 *
 * @example
 * ```ts
 * stream(clicks)
 *   .groupByKey()
 *   .windowedBy(session({ gapMs: 1_800_000 }))
 *   .count('clicks per visit')
 * ```
 */
export function session({ gapMs, graceMs = 0 }: { gapMs: number } & Grace): SessionWindows {
  return { kind: 'session', ...checked({ gapMs }, 0), ...checked({ graceMs }, 0) }
}

/** Nothing for windows that are aligned to the epoch. */
function offsetOf(offsetMs: number, advanceMs: number): Pick<TimeWindows, 'offsetMs'> {
  checked({ offsetMs }, Number.MIN_SAFE_INTEGER)
  const within = ((offsetMs % advanceMs) + advanceMs) % advanceMs
  return within === 0 ? {} : { offsetMs: within }
}

/**
 * Start of the first (earliest) window that holds `timestampMs`. As in Kafka Streams none starts before the epoch; with an
 * offset one does, or the moments before it would be in no window.
 */
export function firstWindowStartMs(
  { sizeMs, advanceMs, offsetMs }: TimeWindows,
  timestampMs: number,
): number {
  const earliestMs = timestampMs - sizeMs + advanceMs
  if (offsetMs === undefined) return Math.floor(Math.max(0, earliestMs) / advanceMs) * advanceMs
  return Math.floor(Math.max(0, earliestMs - offsetMs + advanceMs) / advanceMs - 1) * advanceMs + offsetMs
}
