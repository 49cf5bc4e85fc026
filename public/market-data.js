// What the server answered so far: an answer with everything replaces it, one with what is newer is added.

import { inOrder } from './products.js'

export const recentRows = 20

export class MarketData {
  count = 0
  /** Trades that wait to be stored. */
  lag = 0
  counters = {}
  sources = []
  /** Another one when the exchange has told more of the time before. */
  pastVersion = 0
  #day = new Map()
  /** Whether its times are of the past, as in a recording. */
  isReplayed = false
  #outages = []
  #latest = new Map()
  #stats = new Map()
  #recent = []

  /** `isWhole`: the answer was not asked for with a cursor. */
  add(answer, isWhole) {
    const { latest, recent, stats, day, count, lag, counters, sources, outages, market } = answer
    if (isWhole) {
      this.#latest.clear()
      this.#recent = []
    }
    for (const row of latest) this.#latest.set(row.symbol, row)
    this.#stats = new Map(stats.map((row) => [row.symbol, row]))
    this.#day = new Map(day.map((row) => [row.symbol, row]))
    const known = new Set(recent.map(keyOf))
    this.#recent = [...recent, ...this.#recent.filter((trade) => !known.has(keyOf(trade)))]
      .sort((a, b) => compare(b.timestamp, a.timestamp) || b.trade_id - a.trade_id)
      .slice(0, recentRows)
    this.pastVersion = answer.past_version
    this.#outages = outages
    Object.assign(this, { count, lag, counters, sources, isReplayed: market === 'replayed' })
  }

  /** The newest trade of each symbol, in the products' order. */
  get latest() {
    return inOrder(this.#latest.keys()).map((symbol) => this.#latest.get(symbol))
  }

  get stats() {
    return inOrder(this.#stats.keys()).map((symbol) => this.#stats.get(symbol))
  }

  /** Low, high and volume of the last 24 h, also of before the first trade that was seen; by symbol. */
  get day() {
    return new Map([...this.#stats, ...this.#day])
  }

  /** When the feed was away, one that is under way until now, or what was missed was fetched later: `{ kind, symbol, from, to }`, in s. */
  outagesUntil(nowSeconds) {
    return this.#outages.map(({ to, ...outage }) => ({ ...outage, to: to ?? nowSeconds }))
  }

  /** Newest first. */
  get recent() {
    return this.#recent
  }

  /** Of the newest trade of all, ms since the epoch; null: there is none. */
  get newestMs() {
    const times = [...this.#latest.values()].map((row) => Date.parse(row.last_update))
    return times.length === 0 ? null : Math.max(...times)
  }
}

const keyOf = ({ symbol, trade_id }) => `${symbol} ${trade_id}`

/** Times of equal form. */
function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0
}
