import { checked, oneOf } from '../checked.ts'
import { RivuletError } from '../errors.ts'
import type { WindowSpan, Windows } from './custom-windows.ts'
import type { Grace } from './windows.ts'

/** What the windows of a calendar are. */
export interface CalendarOptions extends Grace {
  /** From midnight to midnight; from Monday's midnight to the next; from the first of a month to that of the next. */
  readonly unit: 'day' | 'week' | 'month'
  /** Whose midnights: an IANA name such as `Europe/Copenhagen`, or `UTC`. */
  readonly timeZone: string
}

const dayMs = 86_400_000
const hourMs = 3_600_000
/** Time zones have skipped and repeated a day. */
const sizeDaysMax = { day: 2, week: 8, month: 32 }
/** Windows whose ends need not be found anew. */
const rememberedMax = 64

/**
 * Days, weeks or months of a place: where clocks change, a day has 23 or 25 hours, and where there is no midnight it begins
 * at the first moment that is. Throws `BAD_TOPOLOGY` for a unit or a time zone that is none, or a grace below 0. When a
 * place changes its rules, Node learns of it with an update: windows that are stored then keep their starts. Kafka Streams
 * has nothing of the kind: its example is a `Windows` of daily windows in a time zone.
 *
 * @example
 * ```ts
 * stream(orders)
 *   .groupByKey()
 *   .windowedBy(calendar({ unit: 'day', timeZone: 'Europe/Copenhagen', graceMs: 60_000 }))
 *   .count('orders of the day')
 * ```
 */
export function calendar({ unit, timeZone, graceMs = 0 }: CalendarOptions): Windows {
  oneOf({ unit }, ['day', 'week', 'month'])
  const days = new Days(timeZone)
  const remembered: WindowSpan[][] = []
  return {
    kind: 'custom',
    name: `${unit}s in ${timeZone}`,
    sizeMsMax: sizeDaysMax[unit] * dayMs,
    ...checked({ graceMs }, 0),
    windowsFor(timestampMs) {
      const known = remembered.find(([window]) => window && holds(window, timestampMs))
      if (known) return known
      const first = firstDayOf(unit, days.at(timestampMs))
      const window = { startMs: days.startMs(first), endMs: days.startMs(nextDayOf(unit, first)) }
      remembered.unshift([window])
      if (remembered.length > rememberedMax) remembered.pop()
      return [window]
    },
  }
}

function holds({ startMs, endMs }: WindowSpan, timestampMs: number): boolean {
  return startMs <= timestampMs && timestampMs < endMs
}

/** The day on which the unit begins that holds the day. Days are counted from 1970-01-01, a Thursday. */
function firstDayOf(unit: CalendarOptions['unit'], day: number): number {
  if (unit === 'day') return day
  if (unit === 'week') return day - ((((day + 3) % 7) + 7) % 7)
  const date = new Date(day * dayMs)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1) / dayMs
}

/** The day on which the next unit begins, behind one that begins on `first`. */
function nextDayOf(unit: CalendarOptions['unit'], first: number): number {
  if (unit === 'day') return first + 1
  if (unit === 'week') return first + 7
  const date = new Date(first * dayMs)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1) / dayMs
}

/** The days of a time zone. */
class Days {
  readonly #format: Intl.DateTimeFormat

  constructor(timeZone: string) {
    try {
      this.#format = new Intl.DateTimeFormat('en-US', {
        timeZone,
        calendar: 'gregory',
        numberingSystem: 'latn',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
      })
    } catch (cause) {
      const message = `timeZone must be a name such as Europe/Copenhagen or UTC, not ${JSON.stringify(timeZone)}`
      throw new RivuletError('BAD_TOPOLOGY', message, { cause, place: { parameter: 'timeZone' } })
    }
  }

  /** The day that it is there at the moment, counted from 1970-01-01. */
  at(timestampMs: number): number {
    const part = { year: 0, month: 0, day: 0 }
    for (const { type, value } of this.#format.formatToParts(timestampMs))
      if (type === 'year' || type === 'month' || type === 'day') part[type] = Number(value)
    return Date.UTC(part.year, part.month - 1, part.day) / dayMs
  }

  /** The first moment at which it is that day there, or a later one. */
  startMs(day: number): number {
    // No clock is further from UTC than this; one that skips a day is a day further.
    let [before, from] = [day * dayMs - 16 * hourMs, day * dayMs + 40 * hourMs]
    while (from - before > 1) {
      const middle = Math.floor((before + from) / 2)
      if (this.at(middle) < day) before = middle
      else from = middle
    }
    return from
  }
}
