// Which time a reader looks at, `{ min, max }` in seconds, and where a move leads. Null is all of the time shown.

const secondsMin = 10
const panShare = 0.2
const zoomFactor = 1.5

/** Shifted by a share of its length, to what is older when it is less than 0, and no further than to `shown`'s end. */
export function panned(view, share, shown) {
  const { min, max } = view ?? shown
  const seconds = Math.min(share * (max - min), shown.max - max)
  return seconds === 0 ? view : { min: min + seconds, max: max + seconds }
}

/** So many times as long, around what stays where it is, a share of it from the left. Null: all that is shown is in it. */
export function stretched(view, factor, at, shown) {
  const { min, max } = view ?? shown
  const length = Math.max(secondsMin, (max - min) * factor)
  const middle = min + at * (max - min)
  const end = Math.min(middle + (1 - at) * length, shown.max)
  const next = { min: end - length, max: end }
  return next.min <= shown.min && next.max >= shown.max ? null : next
}

/**
 * Where fingers lead that hold times of `view`, each at a share of it from the left: the times stay under them. One drags, two
 * stretch, too.
 */
export function between(fingers, view, shown) {
  const [left, right] = [...fingers].sort((a, b) => a.share - b.share)
  const { min, max } = view
  const hasTwo = right !== undefined && right.share > left.share && right.time > left.time
  const wanted = hasTwo ? (right.time - left.time) / (right.share - left.share) : max - min
  const length = Math.max(secondsMin, wanted)
  const end = Math.min(left.time + (1 - left.share) * length, shown.max)
  const next = { min: end - length, max: end }
  return next.min <= shown.min && next.max >= shown.max ? null : next
}

/** What each key does to a view; the end stays in sight when a key zooms. */
const moves = new Map([
  ['ArrowLeft', (view, shown) => panned(view, -panShare, shown)],
  ['ArrowRight', (view, shown) => panned(view, panShare, shown)],
  ['+', (view, shown) => stretched(view, 1 / zoomFactor, 1, shown)],
  ['=', (view, shown) => stretched(view, 1 / zoomFactor, 1, shown)],
  ['-', (view, shown) => stretched(view, zoomFactor, 1, shown)],
  ['Home', (view, shown) => (view === null ? null : panned(view, Number.POSITIVE_INFINITY, shown))],
  ['Escape', () => null],
])

/** Where a key leads; undefined: nowhere, it is not one of a chart's. */
export function afterKey({ key, ctrlKey, metaKey, altKey }, view, shown) {
  const move = ctrlKey || metaKey || altKey ? undefined : moves.get(key)
  return move?.(view, shown)
}

/**
 * Where a turn of the wheel leads: sideways to another time; with Ctrl, as a pinch on a touch pad is, closer to `at`, a share
 * of the view, or further away. Undefined: nowhere, it scrolls the page.
 */
export function afterWheel({ deltaX, deltaY, ctrlKey }, at, view, shown) {
  if (ctrlKey) return stretched(view, 2 ** (Math.max(-100, Math.min(100, deltaY)) / 100), at, shown)
  return Math.abs(deltaX) > Math.abs(deltaY) ? panned(view, deltaX / 500, shown) : undefined
}
