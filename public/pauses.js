// When nothing was traded for long: a line through it would tell of prices that nobody paid.

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
