// Numbers and times in the reader's locale and time zone.

import { locale } from './locale.js'

/** As many digits behind the point as each symbol's prices were seen with: DOGE has five, BTC two. They never shrink. */
const digitsOf = new Map()
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

export function learnDigits(symbol, price) {
  const written = decimalsOf(price)
  // A price that was computed has as many digits as a float: seven significant ones are plenty.
  const useful = Math.max(2, 6 - Math.floor(Math.log10(Math.abs(price) || 1)))
  const digits = Math.min(written, useful, 10)
  if (digits > (digitsOf.get(symbol) ?? -1)) digitsOf.set(symbol, digits)
}

/** Digits behind the point, as it is written: not more than 12 significant ones, for what floats add is nobody's. */
export function decimalsOf(value) {
  const [mantissa, exponent] = String(Number(value.toPrecision(12))).split('e')
  return Math.max(0, (mantissa.split('.')[1]?.length ?? 0) - Number(exponent ?? 0))
}

export function formatPrice(symbol, price) {
  return numberFormat(Math.max(2, digitsOf.get(symbol) ?? 2)).format(price)
}

/** The smallest difference between two prices of the symbol, as far as they were seen. */
export const tickSize = (symbol) => Number(`1e-${digitsOf.get(symbol) ?? 2}`)

const volumeFormat = new Intl.NumberFormat(locale, { maximumSignificantDigits: 6 })
const largeFormat = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 2 })
const wholeFormat = new Intl.NumberFormat(locale)
const percentFormat = new Intl.NumberFormat(locale, {
  style: 'percent',
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
  signDisplay: 'exceptZero',
})

export const formatSize = (size) => volumeFormat.format(size)
export const formatVolume = (volume) => (volume < 100_000 ? volumeFormat : largeFormat).format(volume)
export const formatCount = (count) => wholeFormat.format(count)
export const formatPercent = (ratio) => percentFormat.format(ratio)
export const formatNumber = (value, digits) => numberFormat(digits).format(value)

const time = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }
const clockFormat = new Intl.DateTimeFormat(locale, time)
const tradeFormat = new Intl.DateTimeFormat(locale, { ...time, fractionalSecondDigits: 3 })
const dateFormat = new Intl.DateTimeFormat(locale, { ...time, month: 'short', day: 'numeric' })
const dayMs = 86_400_000

export const formatClock = (date) => clockFormat.format(date)

/** The time of a trade; its date too when it is not of the last day. */
export function formatTradeTime(iso) {
  const date = new Date(iso)
  return (Date.now() - date.getTime() < dayMs ? tradeFormat : dateFormat).format(date)
}

export const timeZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone
