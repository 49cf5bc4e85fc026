// What is read of the points of lines: times in seconds, in order, and for each line its values, null where it has none.

import { firstFrom, placeAt } from './place-at.js'

export const rowsMax = 100

/**
 * A sentence on what is in sight of a line, or that there is `nothing`. `lows` and `highs`: where each value stands for a stretch
 * of them. `formatTime(s)`, `formatValue(value)`.
 */
export function sentenceOf(
  name,
  { times, values, lows = values, highs = values },
  { min, max },
  { formatTime, formatValue, nothing },
) {
  const places = placesInSight(times, { min, max }).filter((place) => values[place] != null)
  if (places.length === 0) return `${name}: ${nothing} from ${formatTime(min)} to ${formatTime(max)}.`
  let [lowest, highest] = [places[0], places[0]]
  for (const place of places) {
    if (lows[place] < lows[lowest]) lowest = place
    if (highs[place] > highs[highest]) highest = place
  }
  const told = [
    ['first', values, places[0]],
    ['last', values, places.at(-1)],
    ['lowest', lows, lowest],
    ['highest', highs, highest],
  ].map(([what, of, place]) => `${what} ${formatValue(of[place])} at ${formatTime(times[place])}`)
  return `${name}: ${told.join(', ')}.`
}

/** The newest points in sight, newest first: `{ time, values }`, of each line what stands then; null: nothing yet. */
export function rowsOf([times, ...lines], view) {
  return placesInSight(times, view)
    .slice(-rowsMax)
    .reverse()
    .map((place) => ({
      time: times[place],
      values: lines.map((line) => line[placeAt(times, line, times[place])] ?? null),
    }))
}

/** The places of the times from one to the other. */
export function placesInSight(times, { min, max }) {
  const places = []
  for (let place = firstFrom(times, min); times[place] <= max; place++) places.push(place)
  return places
}
