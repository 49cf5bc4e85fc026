// What stands at an axis of times.

import { formatClock } from './format.js'
import { locale } from './locale.js'

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
