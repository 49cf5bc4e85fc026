import { checked, required } from '../checked.ts'
import type { Grace } from './windows.ts'

/** `[startMs, endMs)`, ms since the epoch. */
export interface WindowSpan {
  /** The first moment in it. */
  readonly startMs: number
  /** The first moment behind it. */
  readonly endMs: number
}

/** Windows of any making: no two of them begin at the same moment. Source: Kafka Streams' `Windows`. */
export interface Windows {
  /** Tells the kinds of windows apart. */
  readonly kind: 'custom'
  /** What they are, in words: shown in `describe()`. Another name means other windows to the topology diff. */
  readonly name: string
  /** No window is longer. */
  readonly sizeMsMax: number
  /** How far stream time may be past a window's end while records are still taken. */
  readonly graceMs: number
  /** The windows that hold a moment, earliest first: always the same for the same moment. Empty: it is in none. */
  windowsFor(timestampMs: number): readonly WindowSpan[]
}

/** What windows of one's own are made of. */
export interface CustomWindowsOptions extends Grace {
  /** What they are, in words; to be changed when `windowsFor` is, for stored windows are then other ones. */
  readonly name: string
  /** No window is longer: so long, and their grace, are windows kept. */
  readonly sizeMsMax: number
  /** The windows that hold a moment, earliest first: always the same for the same moment. Empty: it is in none. */
  readonly windowsFor: (timestampMs: number) => readonly WindowSpan[]
}

/**
 * Windows of one's own making. A record in none of them is dropped, counted as `no-window`. A window is known by its start:
 * `windowsFor` of a window's start must answer that window. Throws `BAD_TOPOLOGY` for a size below 1, or a grace below 0.
 * Source: Kafka Streams' `Windows`, which is to be extended.
 *
 * @example
 * ```ts
 * const hourMs = 3_600_000
 * const officeHours = customWindows({
 *   name: 'office hours, UTC',
 *   sizeMsMax: 8 * hourMs,
 *   windowsFor(timestampMs) {
 *     const startMs = Math.floor(timestampMs / (24 * hourMs)) * 24 * hourMs + 9 * hourMs
 *     const endMs = startMs + 8 * hourMs
 *     return timestampMs >= startMs && timestampMs < endMs ? [{ startMs, endMs }] : []
 *   },
 * })
 * stream(clicks).groupByKey().windowedBy(officeHours).count('clicks of the day')
 * ```
 */
export function customWindows({ name, sizeMsMax, graceMs = 0, windowsFor }: CustomWindowsOptions): Windows {
  required({ name, windowsFor })
  return {
    kind: 'custom',
    name,
    ...checked({ sizeMsMax }, 1),
    ...checked({ graceMs }, 0),
    windowsFor,
  }
}

/**
 * The end of the window that begins there; of a window of other rules (a place has changed its time zone), that of the one
 * that holds its start now. Throws where there is none.
 */
export function endOf(windows: Pick<Windows, 'name' | 'windowsFor'>, startMs: number): number {
  const holding = windows.windowsFor(startMs)
  const window = holding.find((each) => each.startMs === startMs) ?? holding[0]
  if (window) return window.endMs
  throw new RangeError(`none of the windows "${windows.name}" holds its own start, ${startMs}`)
}

/**
 * One window that never ends: from `startMs` on. What comes before it is dropped, counted as `no-window`. It closes never,
 * so on-close emission and `suppress(untilWindowCloses)` give nothing. Throws `BAD_TOPOLOGY` for a start below 0. Source:
 * Kafka Streams' `UnlimitedWindows`.
 *
 * @example
 * ```ts
 * const from2026 = unlimited({ startMs: Date.UTC(2026, 0, 1) })
 * stream(clicks).groupByKey().windowedBy(from2026).count('clicks since 2026')
 * ```
 */
export function unlimited({ startMs = 0 }: { readonly startMs?: number } = {}): Windows {
  checked({ startMs }, 0)
  const only: readonly WindowSpan[] = [{ startMs, endMs: Number.MAX_SAFE_INTEGER }]
  return {
    kind: 'custom',
    name: `unlimited from ${new Date(startMs).toISOString()}`,
    sizeMsMax: Number.MAX_SAFE_INTEGER - startMs,
    graceMs: 0,
    windowsFor: (timestampMs) => (timestampMs < startMs ? [] : only),
  }
}
