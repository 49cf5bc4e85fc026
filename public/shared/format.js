// Numbers and times in the reader's locale and time zone.

import { locale } from './locale.js'

const numberFormats = new Map()

function numberFormat(digits) {
  let format = numberFormats.get(digits)
  if (!format) {
    format = new Intl.NumberFormat(locale, {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    })
    numberFormats.set(digits, format)
  }
  return format
}

/** Digits behind the point, as it is written: not more than 12 significant ones, for what floats add is nobody's. */
export function decimalsOf(value) {
  const [mantissa, exponent] = String(Number(value.toPrecision(12))).split('e')
  return Math.max(0, (mantissa.split('.')[1]?.length ?? 0) - Number(exponent ?? 0))
}

const volumeFormat = new Intl.NumberFormat(locale, { maximumSignificantDigits: 6 })
const largeFormat = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 2 })
const shortFormat = new Intl.NumberFormat(locale, { notation: 'compact', maximumSignificantDigits: 3 })
const wholeFormat = new Intl.NumberFormat(locale)
const percentFormat = new Intl.NumberFormat(locale, {
  style: 'percent',
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
  signDisplay: 'exceptZero',
})

export const formatSize = (size) => volumeFormat.format(size)
export const formatVolume = (volume) => (volume < 100_000 ? volumeFormat : largeFormat).format(volume)
/** With as many digits as a glance takes in. */
export const formatShort = (value) => shortFormat.format(value)
export const formatCount = (count) => wholeFormat.format(count)
export const formatPercent = (ratio) => percentFormat.format(ratio)
export const formatNumber = (value, digits) => numberFormat(digits).format(value)

const time = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }
const clockFormat = new Intl.DateTimeFormat(locale, time)
const tradeFormat = new Intl.DateTimeFormat(locale, { ...time, fractionalSecondDigits: 3 })
const dateFormat = new Intl.DateTimeFormat(locale, { ...time, month: 'short', day: 'numeric' })
const minute = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }
const minuteFormat = new Intl.DateTimeFormat(locale, minute)
const dayMinuteFormat = new Intl.DateTimeFormat(locale, { ...minute, month: 'short', day: 'numeric' })
const dayMs = 86_400_000

export const formatClock = (date) => clockFormat.format(date)

/** The time of a trade; its date too when it is not of the last day. */
export function formatTradeTime(iso, nowMs) {
  const date = new Date(iso)
  return (nowMs - date.getTime() < dayMs ? tradeFormat : dateFormat).format(date)
}

/** To the minute; with the date where that is another one than now's. */
export const formatSince = (ms, nowMs) => (isSameDay(ms, nowMs) ? minuteFormat : dayMinuteFormat).format(ms)

/** The same to the second. */
export const formatMoment = (ms, nowMs) => (isSameDay(ms, nowMs) ? clockFormat : dateFormat).format(ms)

const zoneFormat = new Intl.DateTimeFormat(locale, {
  ...time,
  month: 'short',
  day: 'numeric',
  year: 'numeric',
  timeZoneName: 'short',
})

/** Date, time and zone. */
export const formatWithZone = (ms) => zoneFormat.format(ms)

function isSameDay(ms, otherMs) {
  return new Date(ms).toDateString() === new Date(otherMs).toDateString()
}

/** How long something is ago. */
export function formatAge(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const [minutes, hours, days] = [60, 3_600, 86_400].map((unit) => Math.floor(seconds / unit))
  if (minutes === 0) return `${seconds} s`
  if (hours === 0) return `${minutes} min`
  return days === 0 ? `${hours} h ${minutes % 60} min` : `${days} d ${hours % 24} h`
}

export const timeZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone
