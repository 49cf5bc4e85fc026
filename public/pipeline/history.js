// The last hour of a pipeline, as the server has noted it: columns, to which each answer adds what is newer.

const pointsMax = 720

export const kinds = ['rates', 'lags', 'lag_seconds', 'counters']

export class History {
  /** Seconds since the epoch. */
  times = []
  /** Of each kind, name → as many values as there are times; null where there was nothing to tell. */
  columns = Object.fromEntries(kinds.map((kind) => [kind, new Map()]))
  /** Another one whenever it has changed. */
  revision = 0

  /** What to ask for next: what is newer than all that is known. */
  get query() {
    const last = this.times.at(-1)
    return last === undefined ? '' : `?since=${Math.round(last * 1_000)}`
  }

  add(answer) {
    const { timestamps } = answer
    const last = this.times.at(-1) ?? Number.NEGATIVE_INFINITY
    const from = timestamps.findIndex((time) => time > last)
    if (from < 0) return
    const before = this.times.length
    this.times = [...this.times, ...timestamps.slice(from)].slice(-pointsMax)
    const dropped = before + timestamps.length - from - this.times.length
    for (const kind of kinds)
      this.columns[kind] = joined(this.columns[kind], answer[kind], {
        before,
        from,
        dropped,
        length: timestamps.length,
      })
    this.revision++
  }
}

function joined(known, added, { before, from, dropped, length }) {
  const all = new Map()
  for (const name of new Set([...known.keys(), ...Object.keys(added)])) {
    const old = known.get(name) ?? new Array(before).fill(null)
    const fresh = added[name]?.slice(from) ?? new Array(length - from).fill(null)
    const values = [...old, ...fresh].slice(dropped)
    // What is gone for an hour is not shown any more.
    if (values.some((value) => value !== null)) all.set(name, values)
  }
  return all
}
