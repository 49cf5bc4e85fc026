import { Chart } from './chart.js'
import { columnsOf, linesOf } from './columns.js'
import { joined } from './detail.js'
import { followFingers } from './fingers.js'
import { pauseSecondsMin, pausesOf, silencesOf } from './pauses.js'
import { inOrder } from './products.js'
import { reconcile } from './shared/dom.js'
import { createFigure } from './shared/figure.js'
import { tell } from './shared/parts.js'
import { placeAt } from './shared/place-at.js'
import { renderSummary } from './shared/summary.js'
import { createTooltip } from './tooltip.js'
import uPlot from './vendor/uplot/uPlot.esm.js'
import { afterKey, afterWheel } from './view.js'

const chartKeys = 'ArrowLeft ArrowRight + - Home Escape'
const heightPx = { each: 190, one: 380, all: 380 }

/**
 * The price charts: one a symbol, one of a chosen symbol, or all in one as the change since the left edge. They share the cursor
 * and the zoom (drag, wheel, keys or fingers; a double-click ends it), which a refresh leaves alone.
 */
export class Charts {
  /** Symbols whose lines the reader has hidden. */
  hidden = new Set()
  #host
  #onZoom
  #chosen
  /** By name: `{ chart, symbols }`. */
  #charts = new Map()
  #zoom
  /** What is drawn: `{ series, detail, candles, volumes, outages }`. */
  #market = null
  /** Of each symbol that is drawn, `{ times: [s], prices: [] }`. */
  #points = new Map()
  /** What was drawn last; undefined: it is to be drawn anew. */
  #drawn
  /** By the names of all charts, also of those that are not drawn yet. */
  #symbolsOf = new Map()
  /** Names of the charts that are in sight, or nearly: the others are drawn when they come there. */
  #inSight = new Set()
  #sight = new IntersectionObserver((entries) => this.#look(entries), { rootMargin: '200px' })
  #axisWidth = 0
  #pauseSecondsMin = 0
  #silences = []
  /** Of the first point of all, s. */
  #earliest = null

  /**
   * `chosen`: `{ layout, kind, symbol, zoom }`, which may change, followed by a `redraw`. `onZoom(range)` is told which time the reader looks at, `{ min, max }` in seconds;
   * null: all that is shown.
   */
  constructor(host, { chosen, onZoom }) {
    this.#host = host
    this.#chosen = chosen
    this.#zoom = chosen.zoom
    this.#onZoom = onZoom
  }

  resetZoom() {
    this.#setZoom(null)
  }

  /** Draws what can be drawn; throws the first fault after that. */
  render(market) {
    const { series, detail, candles, volumes, outages } = market
    const revisions = [series, detail, candles, volumes].map(({ revision }) => revision)
    const revision = `${revisions.join(' ')} ${JSON.stringify(outages)}`
    const isOf = series === this.#market?.series && volumes === this.#market.volumes
    const isSame = isOf && revision === this.#drawn
    this.#market = market
    if (isSame) return
    this.#drawn = undefined
    this.#points = new Map(
      [...series.bySymbol].map(([symbol, own]) => [symbol, joined(own, detail.bySymbol.get(symbol))]),
    )
    this.#lookForPauses()
    const wanted = this.#wanted(inOrder(series.bySymbol.keys()))
    this.#host.dataset.layout = this.#chosen.layout
    for (const [name, { symbols: drawn }] of this.#charts) {
      const still = wanted.find(([other]) => other === name)
      if (still?.[1].join() !== drawn.join()) this.#forget(name)
    }
    this.#symbolsOf = new Map(wanted)
    reconcile(
      this.#host,
      wanted,
      ([name]) => name,
      ([name]) => this.#createFigure(name),
      () => {},
    )
    this.#drawInSight()
    this.#drawn = revision
  }

  /** First all that is painted, then all that is written: to paint text, the browser finds the styles of what was written. */
  #drawInSight() {
    const faults = []
    for (const figure of this.#host.children) {
      const name = figure.dataset.key
      try {
        if (this.#inSight.has(name)) this.#draw(figure, name)
      } catch (error) {
        this.#forget(name)
        faults.push(error)
      }
    }
    for (const { chart } of this.#charts.values()) chart.read()
    this.#sumUp()
    if (faults.length > 0) throw faults[0]
  }

  /** Each chart in words, also those that are out of sight: who reads them need not see them. */
  #sumUp() {
    for (const figure of this.#host.children) this.#sumUpOne(figure)
  }

  #sumUpOne(figure) {
    const symbols = this.#symbolsOf.get(figure.dataset.key)
    const kind = this.#kind
    const data = this.#dataOf(symbols)
    const [lines, columns] = [linesOf(kind, symbols, data), columnsOf(kind, symbols)]
    const { frame: view, newest } = this
    renderSummary(figure, { data, lines, columns, view, newest, nothing: 'no trades' })
  }

  /** All of them, as after another choice or theme: canvases don't follow the style sheet. */
  redraw() {
    for (const name of this.#charts.keys()) this.#forget(name)
    this.#host.replaceChildren()
    this.#drawn = undefined
    this.#axisWidth = 0
    if (this.#market) this.render(this.#market)
  }

  // What a chart asks of all of them.

  /** The time that is shown. */
  get view() {
    return this.#zoom ?? this.shown
  }

  /**
   * The time shown without a zoom. It ends with the newest trade of all, so that the charts stay under each other; while the feed
   * is away, it ends now.
   */
  get shown() {
    const { minutes } = this.#market.series
    const max = this.#end
    return { min: minutes === 0 ? this.#earliest : max - minutes * 60, max }
  }

  /** What the charts' axes span. */
  get frame() {
    const { min, max } = this.view
    const seconds = this.#kind === 'candles' ? this.candleSeconds : null
    // The last candle is a whole one, too.
    const end = seconds === null ? max : Math.ceil(max / seconds) * seconds
    return { min: end > min ? min : end - 60, max: end }
  }

  /** The time of the newest trade of all, s. */
  get newest() {
    return this.#market.series.newest
  }

  /** How long a candle is, s. */
  get candleSeconds() {
    return this.#market.candles.seconds
  }

  /** What is below a line of prices: `{ times, volume, seconds }`; undefined: nothing. */
  volumeOf(symbol) {
    const { bySymbol, seconds } = this.#market.volumes
    const own = bySymbol.get(symbol)
    return own && { times: own.times, volume: own.volume, seconds }
  }

  /** When no symbol was traded. */
  get silences() {
    return this.#silences
  }

  /** By symbol: in which stretches of time what is drawn is what the exchange tells. */
  get exchange() {
    const { series, candles } = this.#market
    return (this.#kind === 'candles' ? candles : series).exchange
  }

  /** When the feed was away, or what was missed of a symbol was fetched later: `{ kind, symbol, from, to }`. */
  get outages() {
    return this.#market.outages
  }

  pausesOf(symbol) {
    return pausesOf(this.#timesOf(symbol), this.#end, this.#pauseSecondsMin)
  }

  /** Whether a symbol's line is one point, and has no length. */
  isPoint(symbol) {
    return this.#timesOf(symbol).length === 1
  }

  /** The price of a symbol's newest trade. */
  lastPrice(symbol) {
    return this.#points.get(symbol)?.prices.at(-1)
  }

  /** All charts have the widest axis of them, so that equal times stand under each other. */
  widen(labels) {
    const longest = Math.max(6, ...labels.map(({ length }) => length))
    this.#axisWidth = Math.max(this.#axisWidth, 16 + 6.5 * longest)
    return this.#axisWidth
  }

  zoomTo(range) {
    this.#setZoom(range)
  }

  /** `[name, symbols]` of each chart. */
  #wanted(symbols) {
    const { layout, symbol } = this.#chosen
    if (symbols.length === 0) return []
    if (layout === 'all') return [['All symbols', symbols]]
    if (layout === 'each') return symbols.map((each) => [each, [each]])
    const large = symbols.includes(symbol) ? symbol : symbols[0]
    return [[large, [large]]]
  }

  #createFigure(name) {
    const label = `Price of ${name} over time`
    const figure = createFigure({ name, label, keys: chartKeys, overlay: [createTooltip()] })
    this.#sight.observe(figure)
    const host = figure.querySelector('.plot')
    const chartOf = () => this.#charts.get(name)?.chart
    const follow = (event, view) => {
      if (view === undefined) return
      event.preventDefault()
      if (view !== this.#zoom) this.#setZoom(view)
    }
    host.addEventListener('keydown', (event) => follow(event, afterKey(event, this.#zoom, this.shown)))
    const onWheel = (event) =>
      follow(event, afterWheel(event, chartOf().shareAt(event.clientX), this.#zoom, this.shown))
    host.addEventListener('wheel', onWheel, { passive: false })
    followFingers(host, { chartOf, charts: this })
    figure.querySelector('.readings').addEventListener('click', ({ target }) => {
      const symbol = target.closest('.entry')?.dataset.symbol
      if (symbol !== undefined) this.#toggle(symbol)
    })
    figure.querySelector('.points').addEventListener('toggle', () => this.#sumUpOne(figure))
    return figure
  }

  #toggle(symbol) {
    const isShown = this.hidden.delete(symbol)
    if (!isShown) this.hidden.add(symbol)
    for (const { chart } of this.#charts.values()) chart.setShown(symbol, isShown)
  }

  #lookForPauses() {
    const each = [...this.#points.values()].map(({ times }) => times)
    const end = this.newest
    this.#earliest = Math.min(end, ...each.flatMap((times) => times.slice(0, 1)))
    const { min: begin, max } = this.#market.detail.loaded ?? this.shown
    const secondsMin = pauseSecondsMin(max - begin)
    this.#pauseSecondsMin = secondsMin
    // A price that stands from before the time shown says nothing of when others were traded.
    this.#silences = silencesOf(each, { begin, end, secondsMin })
  }

  #look(entries) {
    for (const { target, isIntersecting } of entries) {
      if (!target.isConnected) continue
      const name = target.dataset.key
      if (!isIntersecting) this.#inSight.delete(name)
      else if (!this.#inSight.has(name)) {
        this.#inSight.add(name)
        this.#drawSeen(target)
      }
    }
  }

  #drawSeen(figure) {
    const name = figure.dataset.key
    try {
      this.#draw(figure, name)
      this.#charts.get(name).chart.read()
    } catch (error) {
      this.#forget(name)
      tell('charts', error)
    }
  }

  /** It is made anew when it is drawn next. */
  #forget(name) {
    this.#charts.get(name)?.chart.destroy()
    this.#charts.delete(name)
  }

  #draw(figure, name) {
    const symbols = this.#symbolsOf.get(name)
    const data = this.#dataOf(symbols)
    const known = this.#charts.get(name)
    const chart =
      known?.chart ??
      new Chart(figure, {
        kind: this.#kind,
        symbols,
        heightPx: heightPx[this.#chosen.layout],
        data,
        shared: this,
      })
    this.#charts.set(name, { chart, symbols })
    chart.draw(data)
  }

  get #kind() {
    return this.#chosen.layout === 'all' ? 'changes' : this.#chosen.kind
  }

  #dataOf(symbols) {
    if (this.#kind === 'changes') return uPlot.join(symbols.map((symbol) => this.#changesOf(symbol)))
    const [symbol] = symbols
    if (this.#kind === 'line') {
      const { times, prices } = this.#points.get(symbol)
      return [times, prices]
    }
    const none = { times: [], open: [], high: [], low: [], close: [], volume: [] }
    const { times, open, high, low, close, volume } = this.#market.candles.bySymbol.get(symbol) ?? none
    return [times, open, high, low, close, volume]
  }

  /** Since the left edge of what is looked at. */
  #changesOf(symbol) {
    const { times, prices } = this.#points.get(symbol)
    const base = prices[placeAt(times, prices, this.view.min) ?? 0]
    return [times, prices.map((price) => price / base - 1)]
  }

  #setZoom(zoom) {
    this.#zoom = zoom
    for (const { chart, symbols } of this.#charts.values()) {
      if (this.#kind === 'changes') chart.draw(this.#dataOf(symbols))
      else chart.place()
      chart.read()
    }
    if (this.#market) this.#sumUp()
    this.#onZoom(zoom)
  }

  get #end() {
    return Math.max(this.newest, ...this.outages.map(({ to }) => to))
  }

  #timesOf(symbol) {
    return this.#points.get(symbol)?.times ?? []
  }
}
