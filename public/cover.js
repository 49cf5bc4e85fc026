import { formatSince } from './shared/format.js'

const dayMs = 86_400_000
const minuteMs = 60_000

/** What figures of a day cover: `24 h`, or `since 16:01` where there is less. Whole minutes slide, so one is let pass. */
export function dayCover(sinceMs, nowMs) {
  return nowMs - sinceMs >= dayMs - minuteMs ? '24 h' : `since ${formatSince(sinceMs, nowMs)}`
}

const rangeNames = new Map([
  [5, '5 min'],
  [60, '1 h'],
  [360, '6 h'],
  [1440, '24 h'],
])
/** The part of a range in which its first trade may come. */
const lateMost = 0.05

/** What a change covers whose first price is of that time: the range chosen, or what there is of it. */
export function rangeCover(minutes, sinceMs, nowMs) {
  const rangeMs = minutes * minuteMs
  const isWhole = minutes > 0 && sinceMs - (nowMs - rangeMs) <= rangeMs * lateMost
  return isWhole ? rangeNames.get(minutes) : `since ${formatSince(sinceMs, nowMs)}`
}
