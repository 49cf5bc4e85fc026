// Stretches of time that a chart marks: nothing was traded, the feed was away, what it missed was fetched later, or it is what
// the exchange tells of the time before.

const outageLooks = {
  away: { name: 'feed away', colour: '--away', isHatched: true, row: -1 },
  backfilled: { name: 'fetched later', colour: '--late', isHatched: false, row: 1 },
}

/** Of a chart of these symbols, with how each is drawn; times in seconds. */
export function stretchesOf(symbols, { silences, outages, exchangeUntil }) {
  const quiet = silences.map((stretch) => ({ ...stretch, name: 'no trades', colour: '--grid', row: 0 }))
  const own = outages.filter(({ symbol }) => symbol === null || symbols.includes(symbol))
  const until = Math.max(...symbols.map((symbol) => exchangeUntil[symbol] ?? Number.NEGATIVE_INFINITY))
  const past = { from: 0, to: until, name: "exchange's candles", colour: '--late', row: 2 }
  return [
    ...(until > 0 ? [past] : []),
    ...quiet,
    ...own.map((stretch) => ({ ...stretch, ...outageLooks[stretch.kind] })),
  ]
}

/** Those that are in sight, in pixels of the canvas. */
export function inSight(plot, stretches) {
  const { left, width } = plot.bbox
  const pixel = (time) => plot.valToPos(time, 'x', true)
  return stretches
    .map((stretch) => ({ ...stretch, from: pixel(stretch.from), to: pixel(stretch.to) }))
    .filter(({ from, to }) => to > left && from < left + width)
}
