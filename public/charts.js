import { joined } from './detail.js'
import { pauseSecondsMin, pausesOf } from './pauses.js'
import { plotOptions } from './plot-options.js'
import { inOrder } from './products.js'
import { createFigure, renderReadings } from './readings.js'
import { reconcile } from './shared/dom.js'
import { placeAt } from './shared/place-at.js'
import { renderSummary } from './summary.js'
import uPlot from './vendor/uplot/uPlot.esm.js'
import { afterKey, afterWheel } from './view.js'

const chartHeightPx = { each: 190, all: 380 }

/**
 * The price charts: one a symbol, or all in one as the change since the start of the time shown. They share the cursor
 * and the zoom (drag, wheel or keys; a double-click ends it), which a refresh leaves alone.
 */
export class Charts {
  #host
  #onZoom
  #layout
  /** Of one plot each: `{ figure, plot, symbols }`, by name. */
  #plots = new Map()
  #zoom = null
  #series = null
  #detail = null
  /** Of each symbol that is drawn, `{ times: [s], prices: [] }`. */
  #points = new Map()
  /** What was drawn last; undefined: it is to be drawn anew. */
  #drawn
  #resized
  #axisWidth = 0
  #pauseSecondsMin = 0
  /** When no symbol was traded. */
  #silences = []
  /** Of the first point of all, s. */
  #earliest = null

  /** `onZoom(range)` is told which time the reader looks at, `{ min, max }` in seconds; null: all that is shown. */
  constructor(host, { layout, onZoom }) {
    this.#host = host
    this.#layout = layout
    this.#onZoom = onZoom
    this.#resized = new ResizeObserver((entries) => {
      for (const { target, contentRect } of entries) {
        const width = Math.floor(contentRect.width)
        const plot = this.#plots.get(target.parentElement.dataset.key)?.plot
        if (plot && width > 0 && width !== plot.width)
          plot.setSize({ width, height: chartHeightPx[this.#layout] })
      }
    })
    // Canvases don't follow the style sheet: they are drawn anew in the other theme's colours.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#rebuild())
  }

  setLayout(layout) {
    this.#layout = layout
    this.#rebuild()
  }

  resetZoom() {
    this.#setZoom(null)
  }

  /** Draws what can be drawn, with the details of what is looked at; throws the first fault after that. */
  render(series, detail) {
    const revision = `${series.revision} ${detail.revision}`
    if (series === this.#series && revision === this.#drawn) return
    this.#series = series
    this.#detail = detail
    this.#drawn = undefined
    this.#points = new Map(
      [...series.bySymbol].map(([symbol, own]) => [symbol, joined(own, detail.bySymbol.get(symbol))]),
    )
    this.#lookForPauses()
    const symbols = inOrder(series.bySymbol.keys())
    const charts = this.#isSingle ? symbols.map((symbol) => [symbol, [symbol]]) : [['All symbols', symbols]]
    const wanted = symbols.length === 0 ? [] : charts
    this.#host.dataset.layout = this.#layout
    for (const [name, { symbols: drawn }] of this.#plots) {
      const still = wanted.find(([other]) => other === name)
      if (still?.[1].join() !== drawn.join()) this.#forget(name)
    }
    const faults = []
    reconcile(
      this.#host,
      wanted,
      ([name]) => name,
      ([name]) => this.#createFigure(name),
      (figure, [name, of]) => {
        try {
          this.#draw(figure, name, of)
        } catch (error) {
          this.#forget(name)
          faults.push(error)
        }
      },
    )
    if (faults.length > 0) throw faults[0]
    this.#drawn = revision
  }

  #createFigure(name) {
    const figure = createFigure(name)
    const host = figure.querySelector('.plot')
    const follow = (event, view) => {
      if (view === undefined) return
      event.preventDefault()
      if (view !== this.#zoom) this.#setZoom(view)
    }
    host.addEventListener('keydown', (event) => follow(event, afterKey(event, this.#zoom, this.#shown)))
    const onWheel = (event) => {
      const { left, width } = host.querySelector('.u-over').getBoundingClientRect()
      follow(event, afterWheel(event, (event.clientX - left) / width, this.#zoom, this.#shown))
    }
    host.addEventListener('wheel', onWheel, { passive: false })
    figure.querySelector('.points').addEventListener('toggle', () => {
      const { plot, symbols } = this.#plots.get(name) ?? {}
      if (plot) this.#sumUp(figure, plot, symbols)
    })
    return figure
  }

  /** The time shown without a zoom. It ends with the newest trade of all, so that the charts stay under each other. */
  get #shown() {
    const { newest, minutes } = this.#series
    return { min: minutes === 0 ? this.#earliest : newest - minutes * 60, max: newest }
  }

  #lookForPauses() {
    const { newest } = this.#series
    const times = Float64Array.from([...this.#points.values()].flatMap((own) => own.times)).sort()
    this.#earliest = times[0] ?? newest
    const { min, max } = this.#detail.loaded ?? this.#shown
    this.#pauseSecondsMin = pauseSecondsMin(max - min)
    this.#silences = pausesOf(times, newest, this.#pauseSecondsMin)
  }

  /** It is made anew when it is drawn next. */
  #forget(name) {
    this.#plots.get(name)?.plot.destroy()
    this.#plots.delete(name)
  }

  #rebuild() {
    for (const name of this.#plots.keys()) this.#forget(name)
    this.#host.replaceChildren()
    this.#resized.disconnect()
    this.#drawn = undefined
    this.#axisWidth = 0
    if (this.#series) this.render(this.#series, this.#detail)
  }

  #draw(figure, name, symbols) {
    const data = this.#dataOf(symbols)
    let known = this.#plots.get(name)
    if (!known) {
      const host = figure.querySelector('.plot')
      const plot = new uPlot(this.#optionsOf(figure, symbols, host.clientWidth), data, host)
      known = { plot, symbols, figure }
      this.#plots.set(name, known)
      this.#resized.observe(host)
    }
    const { plot } = known
    // Drawn here and now: a fault is this chart's, and its cursor is moved to what lies under it from now on.
    plot.batch(() => {
      plot.setData(data)
      this.#place(plot)
    })
    this.#read(figure, plot, symbols)
    this.#sumUp(figure, plot, symbols)
  }

  #dataOf(symbols) {
    const from = this.#detail.loaded?.min ?? Number.NEGATIVE_INFINITY
    const tables = symbols.map((symbol) => {
      const { times, prices } = this.#points.get(symbol)
      if (this.#isSingle) return [times, prices]
      const base = prices[placeAt(times, prices, from) ?? 0]
      return [times, prices.map((price) => price / base - 1)]
    })
    return tables.length === 1 ? tables[0] : uPlot.join(tables)
  }

  #place(plot) {
    const { min, max } = this.#zoom ?? this.#shown
    plot.setScale('x', { min: max > min ? min : max - 60, max })
  }

  /** All charts have the widest axis of them, so that equal times stand under each other. */
  #widen(labels) {
    const longest = Math.max(6, ...labels.map(({ length }) => length))
    this.#axisWidth = Math.max(this.#axisWidth, 16 + 6.5 * longest)
    return this.#axisWidth
  }

  #setZoom(zoom) {
    this.#zoom = zoom
    for (const { figure, plot, symbols } of this.#plots.values()) {
      plot.batch(() => this.#place(plot))
      this.#sumUp(figure, plot, symbols)
    }
    this.#onZoom(zoom)
  }

  #optionsOf(figure, symbols, width) {
    return plotOptions({
      symbols,
      isSingle: this.#isSingle,
      size: { width, height: chartHeightPx[this.#layout] },
      silences: () => this.#silences,
      pausesOf: (symbol) => pausesOf(this.#timesOf(symbol), this.#series.newest, this.#pauseSecondsMin),
      isPoint: (symbol) => this.#timesOf(symbol).length === 1,
      widen: (labels) => this.#widen(labels),
      onCursor: (plot) => this.#read(figure, plot, symbols),
      onZoom: (range) => this.#setZoom(range),
    })
  }

  get #isSingle() {
    return this.#layout === 'each'
  }

  #timesOf(symbol) {
    return this.#points.get(symbol)?.times ?? []
  }

  #read(figure, plot, symbols) {
    renderReadings(figure, plot, { symbols, isSingle: this.#isSingle, newest: this.#series.newest })
  }

  #sumUp(figure, plot, symbols) {
    renderSummary(figure, plot, { symbols, isSingle: this.#isSingle, newest: this.#series.newest })
  }
}
