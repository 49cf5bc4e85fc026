// The candles of the time that is looked at: loaded when it is another one, and then grown by what is new.

/** The server makes them longer than chosen rather than give more. */
const candlesMax = 1_500
/** What has grown to so many is loaded anew. */
const grownMax = 3_000

/** How long candles may be, s. */
const lengths = [60, 300, 900, 3_600, 21_600, 86_400]
const barsMax = 120

/** How long bars of volume are, s, that suit this time: no more of them than are told apart. */
export const barSeconds = ({ min, max }) =>
  lengths.find((seconds) => (max - min) / seconds <= barsMax) ?? lengths.at(-1)

export class Candles {
  /** Symbol → `{ times: [s], open: [], high: [], low: [], close: [], volume: [] }`, in order of time. */
  bySymbol = new Map()
  /** Another one whenever it has changed. */
  revision = 0
  /** How long each is, s; null: none are there. */
  seconds = null
  #interval = null
  /** What was asked for last: the time that these candles are of, or will be. */
  #span = null
  #isLoaded = false
  /** By symbol: in which stretches of time, `{ from, to }` in s, they are what the exchange tells. */
  exchange = {}
  /** The last answer. */
  #taken = null

  /**
   * What to ask for next, of candles that are at least `interval` seconds long; null: nothing. `view`: the time looked at,
   * null for all of `shown`, which ends now.
   */
  query(view, shown, interval) {
    const { min, max } = view ?? shown
    const covers = this.#span && min >= this.#span.min && max <= this.#span.max
    if (interval !== this.#interval || !covers) {
      this.#interval = interval
      this.#span = spanAround(view, shown)
      this.#isLoaded = false
    }
    const { min: from, max: to } = this.#span
    if (!this.#isLoaded) {
      const begin = from === Number.NEGATIVE_INFINITY ? 'minutes=0' : `from=${from * 1000}`
      const end = to === Number.POSITIVE_INFINITY ? '' : `&to=${to * 1000}`
      return `${begin}${end}&interval=${interval}&points=${candlesMax}&format=columns`
    }
    if (to !== Number.POSITIVE_INFINITY) return null
    // The one before the newest may still have grown, too.
    return `from=${(this.#newest - this.seconds) * 1000}&interval=${this.seconds}&format=columns`
  }

  /** Takes an answer to the last `query`; one that is unchanged is the same object again. */
  add(answer) {
    if (this.#isLoaded && answer === this.#taken) return
    this.#taken = answer
    if (!this.#isLoaded) {
      this.bySymbol = new Map()
      this.exchange = answer.exchange
    }
    this.seconds = answer.interval
    for (const [symbol, columns] of Object.entries(answer.series)) {
      const own = this.bySymbol.get(symbol)
      this.bySymbol.set(symbol, own ? grown(own, columns) : columns)
    }
    this.revision++
    // Without any there is nothing that could be added to.
    const lengths = [...this.bySymbol.values()].map(({ times }) => times.length)
    this.#isLoaded = lengths.length > 0 && Math.max(...lengths) <= grownMax
  }

  /** Whether there are candles of the time that was asked for last. */
  get isLoaded() {
    return this.#isLoaded
  }

  /** The next `query` asks for everything again. */
  reload() {
    this.#isLoaded = false
  }

  /** When the newest of all begins, s. */
  get #newest() {
    return Math.max(...[...this.bySymbol.values()].map(({ times }) => times.at(-1)))
  }
}

/** Some more on both sides, so that the next step is there already; a span that comes close to now has no end. */
function spanAround(view, { min, max }) {
  if (view === null) return { min: Math.floor(min / 60) * 60, max: Number.POSITIVE_INFINITY }
  const length = view.max - view.min
  const end = Math.ceil((view.max + length) / 60) * 60
  return {
    min: Math.max(0, Math.floor((view.min - length) / 60) * 60),
    max: end >= max ? Number.POSITIVE_INFINITY : end,
  }
}

/** The later ones added, which take the place of those of the same time. */
function grown(own, later) {
  const kept = own.times.filter((time) => time < later.times[0]).length
  return Object.fromEntries(
    Object.entries(own).map(([name, column]) => [name, [...column.slice(0, kept), ...later[name]]]),
  )
}
