import type { FieldEncoder } from './columns.ts'
import type { FieldWriter } from './field-writer.ts'
import { misfit } from './misfit.ts'

const zero = '0'.charCodeAt(0)

// Checked to the digit, since ClickHouse makes 1970 of a 13th month, without a word.
const iso = /^(19|2[012])\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?Z$/
const isoDate = /^(19|2[01])\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/

/** What a type can't hold begins with `limit`; ClickHouse would store another time, without a word. */
interface TimeRange {
  readonly from: string
  readonly limit: string
}

const dateRange: TimeRange = { from: '1970', limit: '2149-06-07' }
const dateTimeRange: TimeRange = { from: '1970', limit: '2106-02-07T06:28:16' }
const dateTime64Range: TimeRange = { from: '1900', limit: '2300' }
const nanosecondRange: TimeRange = { from: '1900', limit: '2262-04-11T23:47:16.854775808' }

/** `digits` behind the second, of a DateTime64. */
export function timeEncoder(digits: string | undefined): FieldEncoder {
  const range = digits === undefined ? dateTimeRange : digits === '9' ? nanosecondRange : dateTime64Range
  const expected = `time from ${range.from} on, before ${range.limit} (ISO 8601 in UTC, or ms)`
  return (value, into) => {
    const text =
      typeof value === 'number' && Math.abs(value) <= 8.64e15 ? new Date(value).toISOString() : value
    if (typeof text !== 'string' || !iso.test(text) || !isDay(text) || !isWithin(text, range))
      throw misfit(value, expected)
    into.ascii(text, text.length - 1)
  }
}

export function encodeDate(value: unknown, into: FieldWriter): void {
  const { from, limit } = dateRange
  if (typeof value !== 'string' || !isoDate.test(value) || !isDay(value) || value < from || value >= limit)
    throw misfit(value, `date from ${from} on, before ${limit}`)
  into.ascii(value)
}

/** As text: digits stand in the order of time. */
function isWithin(time: string, { from, limit }: TimeRange): boolean {
  // `Z` would come behind any digit.
  return time >= from && (time < limit || time.slice(0, -1) < limit)
}

const daysBy = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** Whether its month has this day. */
function isDay(text: string): boolean {
  const day = twoDigits(text, 8)
  if (day <= 28) return true
  const month = twoDigits(text, 5)
  const year = 100 * twoDigits(text, 0) + twoDigits(text, 2)
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return day <= (daysBy[month - 1] as number) && (month !== 2 || day < 29 || isLeap)
}

function twoDigits(text: string, at: number): number {
  return 10 * (text.charCodeAt(at) - zero) + text.charCodeAt(at + 1) - zero
}
