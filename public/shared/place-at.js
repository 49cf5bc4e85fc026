// What is read of lines of points: times in order, and for each the line's value, null where it has none.

/** The place of the first one at or after a time, or behind all of them. */
export function firstFrom(times, time) {
  let place = 0
  let end = times.length
  while (place < end) {
    const middle = (place + end) >> 1
    if (times[middle] < time) place = middle + 1
    else end = middle
  }
  return place
}

/** What was said last stands: the place of the last one at or before a time; null: there is none. */
export function placeAt(times, values, time) {
  let place = 0
  let end = times.length
  while (place < end) {
    const middle = (place + end) >> 1
    if (times[middle] <= time) place = middle + 1
    else end = middle
  }
  do place--
  while (place >= 0 && values[place] == null)
  return place < 0 ? null : place
}
