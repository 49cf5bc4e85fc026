// The points of the time that a reader looks at: more of them than the time chosen has, and older ones.

import { takeColumns } from './series.js'

const pointsMax = 600

export class Detail {
  /** Symbol → `{ times: [s], prices: [] }`, in order of time. */
  bySymbol = new Map()
  /** Another one whenever it has changed. */
  revision = 0
  /** The time that these points are of, `{ min, max }` in seconds; null: there are none. */
  loaded = null
  #view = null

  /** What is looked at from now on; null: no other time than the one chosen. Older points stay until these are there. */
  look(view) {
    this.#view = view
    if (view !== null || this.loaded === null) return
    this.bySymbol = new Map()
    this.loaded = null
    this.revision++
  }

  /** What to ask for next; null: nothing. */
  get query() {
    if (this.#view === this.loaded) return null
    const { min, max } = this.#view
    const from = Math.max(0, Math.floor(min * 1000))
    return `from=${from}&to=${Math.ceil(max * 1000)}&points=${pointsMax}&format=columns`
  }

  /** Takes an answer to `query`, unless another time is looked at by now. */
  add(query, answer) {
    if (query !== this.query) return
    this.bySymbol = new Map()
    takeColumns(answer, (symbol, time, price) => {
      const own = this.bySymbol.get(symbol) ?? { times: [], prices: [] }
      own.times.push(time)
      own.prices.push(price)
      this.bySymbol.set(symbol, own)
    })
    this.loaded = this.#view
    this.revision++
  }
}

/** The points of both, each once, in order of time. */
export function joined(one, other) {
  if (!other) return one
  const times = []
  const prices = []
  for (let i = 0, j = 0; i < one.times.length || j < other.times.length; ) {
    const isFirst = j === other.times.length || one.times[i] <= other.times[j]
    const [time, price] = isFirst ? [one.times[i], one.prices[i++]] : [other.times[j], other.prices[j++]]
    if (endsWith(times, prices, time, price)) continue
    times.push(time)
    prices.push(price)
  }
  return { times, prices }
}

/** Whether a point is among the last ones, those of one time. */
function endsWith(times, prices, time, price) {
  for (let i = times.length - 1; times[i] === time; i--) if (prices[i] === price) return true
  return false
}
