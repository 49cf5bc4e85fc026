// The prices behind the charts: loaded once, thinned by the server, and then grown by what is new.

const pointsMax = 600
/** A symbol that has grown to so many points is loaded anew, thinned. */
const grownPointsMax = 3_000

export class Series {
  /** Symbol → `{ times: [s], prices: [] }`, in order of time. */
  bySymbol = new Map()
  /** Another one whenever it has changed. */
  revision = 0
  /** By symbol: in which stretches of time, `{ from, to }` in s, its points are what the exchange tells. */
  exchange = {}
  #minutes
  #cursor = null
  /** Of what the exchange tells of the time before. */
  #pastVersion = 0

  constructor(minutes) {
    this.#minutes = minutes
  }

  get minutes() {
    return this.#minutes
  }

  /** Whether it has nothing that could be added to. */
  get isEmpty() {
    return this.#cursor === null
  }

  /** Whether an answer was taken. */
  get isLoaded() {
    return this.revision > 0
  }

  /** What to ask for next. */
  get query() {
    const base = `minutes=${this.#minutes}&points=${pointsMax}`
    return this.isEmpty ? base : `${base}&since=${encodeURIComponent(this.#cursor)}`
  }

  /** Takes an answer to `query`. */
  add(answer) {
    if (this.isEmpty || answer.timestamps.length > 0) this.revision++
    if (this.isEmpty) this.#takePast(answer)
    this.#cursor = answer.cursor
    const from = this.#from
    takeColumns(answer, (symbol, time, price) => {
      const own = this.bySymbol.get(symbol) ?? { times: [], prices: [] }
      this.bySymbol.set(symbol, own)
      // What was traded before the time shown says nothing of it, unless nothing newer is known.
      const isOver = time < Math.min(from, own.times[0] ?? Number.NEGATIVE_INFINITY)
      if (!isOver) insert(own, time, price)
    })
    if (this.bySymbol.size > 0) this.#keepQuiet(answer.latest)
    this.#trim()
    // There is more of the past now than when it was loaded.
    if (answer.past_version !== this.#pastVersion) this.reload()
  }

  /** The next `query` asks for everything again. */
  reload() {
    this.#cursor = null
  }

  /** The time of the newest point, s; null without any. */
  get newest() {
    let newest = null
    for (const { times } of this.bySymbol.values()) newest = Math.max(newest ?? 0, times.at(-1) ?? 0)
    return newest
  }

  /** The time of the oldest point, s; without any, later than all. */
  get oldest() {
    return Math.min(...[...this.bySymbol.values()].map(({ times }) => times[0]))
  }

  /** How much the price has changed in the time shown, and since when, s; null without any. */
  change(symbol) {
    const { times, prices } = this.bySymbol.get(symbol) ?? { times: [], prices: [] }
    const first = standingAt(times, this.#from)
    return times.length === 0 ? null : { ratio: prices.at(-1) / prices[first] - 1, since: times[first] }
  }

  /** The beginning, of before there were trades that were seen. */
  #takePast({ past, past_version: version }) {
    this.#pastVersion = version
    const known = Object.entries(past)
    this.bySymbol = new Map(
      known.map(([symbol, { times, prices }]) => [symbol, { times: [...times], prices: [...prices] }]),
    )
    const before = known.map(([symbol, { times }]) => [symbol, [{ from: 0, to: times.at(-1) }]])
    this.exchange = Object.fromEntries(before)
  }

  /** The price of a symbol that was not traded in the time shown stands all the same. */
  #keepQuiet(latest) {
    for (const { symbol, price, last_update: time } of latest)
      if (!this.bySymbol.has(symbol))
        this.bySymbol.set(symbol, { times: [Date.parse(time) / 1000], prices: [price] })
  }

  /** When the time shown begins, s. */
  get #from() {
    return this.#minutes === 0 ? Number.NEGATIVE_INFINITY : this.newest - this.#minutes * 60
  }

  #trim() {
    for (const own of this.bySymbol.values()) {
      const old = standingAt(own.times, this.#from)
      own.times.splice(0, old)
      own.prices.splice(0, old)
      if (own.times.length > grownPointsMax) this.reload()
    }
  }
}

/** Calls `take(symbol, time, price)` for each point of an answer, those of a symbol in order of time. */
export function takeColumns({ timestamps, series }, take) {
  for (const [symbol, prices] of Object.entries(series))
    for (const [i, price] of prices.entries()) if (price !== null) take(symbol, timestamps[i], price)
}

/** Where the last point at or before a time is, whose price stands then; else where the first one is. */
function standingAt(times, time) {
  let place = 0
  while (place + 1 < times.length && times[place + 1] <= time) place++
  return place
}

/** Almost always at the end; a trade that was fetched late goes where its time is. */
function insert({ times, prices }, time, price) {
  let at = times.length
  while (at > 0 && times[at - 1] > time) at--
  times.splice(at, 0, time)
  prices.splice(at, 0, price)
}
