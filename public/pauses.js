// When nothing was traded for long: a line through it would tell of prices that nobody paid.

import { firstFrom } from './shared/place-at.js'

/** Shorter ones are how a market breathes, and no symbol's line is cut for them. */
const breathS = 300
/** Of the time shown; the server thins longer times to points that are further apart. */
const shareOfRange = 1 / 50

/** From which length on a pause is one, in a time shown of so many seconds. */
export const pauseSecondsMin = (rangeS) => Math.max(breathS, rangeS * shareOfRange)

/** The pauses between the times, in order, and from the last of them to `end`: `{ from, to }`, all in seconds. */
export function pausesOf(times, end, secondsMin) {
  const pauses = []
  for (let i = 0; i < times.length; i++) {
    const next = times[i + 1] ?? end
    if (next - times[i] >= secondsMin) pauses.push({ from: times[i], to: next })
  }
  return pauses
}

/** When none of several was there, each with its times in order, from the first one at or after `begin` to `end`. */
export function silencesOf(each, { begin, end, secondsMin }) {
  const within = each.map((times) => times.slice(firstFrom(times, begin)))
  const first = Math.min(end, ...within.flatMap((times) => times.slice(0, 1)))
  const pauses = within.map((times) => pausesOf([first, ...times], end, secondsMin))
  const whole = [{ from: first, to: end }]
  return pauses.reduce(intersected, whole).filter(({ from, to }) => to - from >= secondsMin)
}

/** Where stretches of one list and of the other overlap, both in order of time. */
function intersected(some, others) {
  return some.flatMap((one) =>
    others
      .map((other) => ({ from: Math.max(one.from, other.from), to: Math.min(one.to, other.to) }))
      .filter(({ from, to }) => from < to),
  )
}
