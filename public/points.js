// What is read of the points of lines: times in seconds, in order, and for each line its values, null where it has none.

import { placeAt } from './shared/place-at.js'

export const rowsMax = 100

/** A sentence on what is in sight of a line, or that there is nothing. `formatTime(s)`, `formatValue(value)`. */
export function sentenceOf(name, times, values, { min, max }, { formatTime, formatValue }) {
  const places = inSight(times, { min, max }).filter((place) => values[place] != null)
  if (places.length === 0) return `${name}: no trades from ${formatTime(min)} to ${formatTime(max)}.`
  const lowest = places.reduce((best, place) => (values[place] < values[best] ? place : best))
  const highest = places.reduce((best, place) => (values[place] > values[best] ? place : best))
  const told = [
    ['first', places[0]],
    ['last', places.at(-1)],
    ['lowest', lowest],
    ['highest', highest],
  ].map(([what, place]) => `${what} ${formatValue(values[place])} at ${formatTime(times[place])}`)
  return `${name}: ${told.join(', ')}.`
}

/** The newest points in sight, newest first: `{ time, values }`, of each line what stands then; null: nothing yet. */
export function rowsOf([times, ...lines], view) {
  return inSight(times, view)
    .slice(-rowsMax)
    .reverse()
    .map((place) => ({
      time: times[place],
      values: lines.map((line) => line[placeAt(times, line, times[place])] ?? null),
    }))
}

function inSight(times, { min, max }) {
  return [...times.keys()].filter((place) => times[place] >= min && times[place] <= max)
}
