import type { ColumnEncoder } from './columns.ts'
import { misfit } from './misfit.ts'
import type { RowWriter } from './row-writer.ts'

const zero = '0'.charCodeAt(0)

// Checked to the digit, since ClickHouse makes 1970 of a 13th month, without a word.
const iso = /^(19|2[012])\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?Z$/
const isoDate = /^(19|2[01])\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/

/** What a type can't hold begins with `limit`; ClickHouse would store another time, without a word. */
interface TimeRange {
  readonly from: string
  readonly limit: string
  readonly fromMs: number
  readonly limitMs: number
}

const dateRange = { from: '1970', limit: '2149-06-07' }
const dateTimeRange = rangeOf('1970', '2106-02-07T06:28:16')
const dateTime64Range = rangeOf('1900', '2300')
const nanosecondRange: TimeRange = {
  ...rangeOf('1900', '2262-04-11T23:47:16.854775808'),
  limitMs: 9_223_372_036_854.775,
}

function rangeOf(from: string, limit: string): TimeRange {
  const msOf = (text: string) => Date.parse(text.includes('T') ? `${text}Z` : text)
  return { from, limit, fromMs: msOf(from), limitMs: msOf(limit) }
}

const dayMs = 86_400_000

/** `digits` behind the second, of a DateTime64: then it is so many of its ticks since the epoch, else seconds. */
export function timeEncoder(digits: string | undefined): ColumnEncoder {
  const range = digits === undefined ? dateTimeRange : digits === '9' ? nanosecondRange : dateTime64Range
  const expected = `time from ${range.from} on, before ${range.limit} (ISO 8601 in UTC, or ms)`
  const scale = Number(digits ?? 0)
  const write = (seconds: number, fraction: number, into: RowWriter): void => {
    if (digits === undefined) into.integer(seconds, 32)
    else writeTicks(seconds, fraction, scale, into)
  }
  return (value, into) => {
    if (typeof value === 'number') {
      const ms = Math.trunc(value)
      if (!(ms >= range.fromMs && ms < range.limitMs)) throw misfit(value, expected)
      const seconds = Math.floor(ms / 1_000)
      write(seconds, Math.floor((ms - seconds * 1_000) * 10 ** (scale - 3)), into)
      return
    }
    if (typeof value !== 'string' || !iso.test(value) || !isDay(value) || !isWithin(value, range))
      throw misfit(value, expected)
    write(secondsOf(value), fractionOf(value, scale), into)
  }
}

function writeTicks(seconds: number, fraction: number, scale: number, into: RowWriter): void {
  const ticks = seconds * 10 ** scale + fraction
  if (Number.isSafeInteger(ticks)) into.integer64(ticks)
  else into.integer64(BigInt(seconds) * BigInt(10 ** scale) + BigInt(fraction))
}

/** Days since the epoch. */
export function encodeDate(value: unknown, into: RowWriter): void {
  const { from, limit } = dateRange
  if (typeof value !== 'string' || !isoDate.test(value) || !isDay(value) || value < from || value >= limit)
    throw misfit(value, `date from ${from} on, before ${limit}`)
  into.integer(dayOf(value) / dayMs, 16)
}

function dayOf(text: string): number {
  return Date.UTC(100 * twoDigits(text, 0) + twoDigits(text, 2), twoDigits(text, 5) - 1, twoDigits(text, 8))
}

function secondsOf(text: string): number {
  const minutes = 60 * twoDigits(text, 11) + twoDigits(text, 14)
  return dayOf(text) / 1_000 + 60 * minutes + twoDigits(text, 17)
}

const fractionAt = '2026-01-31T18:41:18.'.length

/** The first `scale` digits behind the second; those that are not there are 0. */
function fractionOf(text: string, scale: number): number {
  const end = text.length - 1
  let fraction = 0
  for (let i = 0; i < scale; i++) {
    const at = fractionAt + i
    fraction = 10 * fraction + (at < end ? text.charCodeAt(at) - zero : 0)
  }
  return fraction
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
