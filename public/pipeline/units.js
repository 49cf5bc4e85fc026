// Figures with their units, in the reader's locale.

import { formatAge, formatCount, formatNumber, formatShort } from '../shared/format.js'

/** Records a second. */
export function formatRate(rate) {
  if (rate >= 1_000) return `${formatShort(rate)}/s`
  return `${formatNumber(rate, rate > 0 && rate < 10 ? 1 : 0)}/s`
}

/** A duration, from milliseconds to days. */
export function formatSeconds(seconds) {
  if (seconds === null) return '–'
  if (seconds < 1) return `${formatCount(Math.round(seconds * 1_000))} ms`
  return seconds < 10 ? `${formatNumber(seconds, 1)} s` : formatAge(seconds * 1_000)
}
