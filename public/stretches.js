// Stretches of time that a chart marks: nothing was traded, the feed was away, what it missed was fetched later, or it is what
// the exchange tells of a time of which there are no trades.

const outageLooks = {
  away: { name: 'feed away', colour: '--away', isHatched: true, row: -1 },
  backfilled: { name: 'fetched later', colour: '--late', isHatched: false, row: 1 },
}

/** Of a chart of these symbols, with how each is drawn; times in seconds. */
export function stretchesOf(symbols, { silences, outages, exchange }) {
  const quiet = silences.map((stretch) => ({ ...stretch, name: 'no trades', colour: '--grid', row: 0 }))
  const own = outages.filter(({ symbol }) => symbol === null || symbols.includes(symbol))
  const told = joined(symbols.flatMap((symbol) => exchange[symbol] ?? []))
  return [
    ...told.map((stretch) => ({ ...stretch, name: "exchange's candles", colour: '--late', row: 2 })),
    ...quiet,
    ...own.map((stretch) => ({ ...stretch, ...outageLooks[stretch.kind] })),
  ]
}

/** What overlaps is one. */
function joined(stretches) {
  const all = []
  for (const { from, to } of stretches.toSorted((a, b) => a.from - b.from)) {
    const last = all.at(-1)
    if (last && from <= last.to) last.to = Math.max(last.to, to)
    else all.push({ from, to })
  }
  return all
}

/** Those that are in sight, in pixels of the canvas. */
export function inSight(plot, stretches) {
  const { left, width } = plot.bbox
  const pixel = (time) => plot.valToPos(time, 'x', true)
  return stretches
    .map((stretch) => ({ ...stretch, from: pixel(stretch.from), to: pixel(stretch.to) }))
    .filter(({ from, to }) => to > left && from < left + width)
}
