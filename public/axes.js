// What stands at the axes of a chart.

import { decimalsOf, formatClock, formatNumber } from './format.js'
import { locale } from './locale.js'
import { tickSize } from './products.js'

/** What the ticks of an axis may be apart. */
const steps = Array.from({ length: 20 }, (_, i) =>
  [1, 2, 5].map((digit) => Number(`${digit}e${i - 11}`)),
).flat()

/** A price has no ticks between two of its own. */
export const priceSteps = (symbol) => steps.filter((step) => step >= tickSize(symbol))
export const ratioSteps = () => steps

/** With as many digits as the steps between the ticks need. */
export const axisPrices = (_, ticks, __, ___, step) =>
  ticks.map((tick) => formatNumber(tick, decimalsOf(step)))

export const axisRatios = (_, ticks, __, ___, step) =>
  ticks.map((tick) => `${formatNumber(tick * 100, decimalsOf(step * 100))} %`)

const minuteFormat = new Intl.DateTimeFormat(locale, {
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
})
const dayFormat = new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric' })

export function axisTimes(_, ticks, __, ___, step) {
  return ticks.map((tick, i) => {
    const date = new Date(tick * 1000)
    if (step < 60) return formatClock(date)
    if (step >= 86_400) return dayFormat.format(date)
    const midnight = date.getHours() === 0 && date.getMinutes() === 0
    return midnight && i > 0 ? dayFormat.format(date) : minuteFormat.format(date)
  })
}

export function paddedRange(_, min, max) {
  if (min == null || max == null) return [0, 1]
  const pad = max > min ? (max - min) * 0.08 : Math.abs(max) * 0.001 || 1
  return [min - pad, max + pad]
}
