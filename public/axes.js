// What stands at the axes of a chart.

import { tickSize } from './products.js'
import { decimalsOf, formatNumber } from './shared/format.js'

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

export function paddedRange(_, min, max) {
  if (min == null || max == null) return [0, 1]
  const pad = max > min ? (max - min) * 0.08 : Math.abs(max) * 0.001 || 1
  return [min - pad, max + pad]
}
