import { plotOptions } from './plot-options.js'
import { renderReadings } from './readings.js'
import { renderTooltip } from './tooltip.js'
import uPlot from './vendor/uplot/uPlot.esm.js'

/**
 * One plot in its figure: the `line` of a symbol's prices, its `candles`, or the `changes` of several symbols. `shared` is what
 * all charts have in common: see `Charts`.
 */
export class Chart {
  #figure
  #of
  #shared
  #plot
  #resized
  /** By a finger. */
  #isHeld = false

  constructor(figure, { kind, symbols, heightPx, data, shared }) {
    this.#figure = figure
    this.#of = { kind, symbols }
    this.#shared = shared
    const host = figure.querySelector('.plot')
    const size = { width: host.clientWidth, height: heightPx }
    this.#plot = new uPlot(
      plotOptions({ kind, symbols, size, shared, onCursor: () => this.read() }),
      data,
      host,
    )
    this.#resized = new ResizeObserver(([{ contentRect }]) => {
      const width = Math.floor(contentRect.width)
      if (width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height: heightPx })
    })
    this.#resized.observe(host)
  }

  /** Here and now: a fault is this chart's. Its cursor lies over something else from then on, which is to be `read`. */
  draw(data) {
    this.#plot.batch(() => {
      this.#plot.setData(data)
      this.place()
    })
  }

  /** Only the time that is shown is another one. */
  place() {
    this.#plot.setScale('x', this.#shared.frame)
  }

  /** Shows or hides the line of a symbol. */
  setShown(symbol, show) {
    this.#plot.setSeries(this.#of.symbols.indexOf(symbol) + 1, { show })
    this.read()
  }

  /** Points at a place in the plot, in pixels from its left; null: at none. */
  pointAt(left) {
    this.#isHeld = left !== null
    const top = this.#plot.over.clientHeight / 2
    this.#plot.setCursor(left === null ? { left: -10, top: -10 } : { left, top }, true, true)
  }

  /** Which share of the plot is left of a place on the screen. */
  shareAt(clientX) {
    const { left, width } = this.#plot.over.getBoundingClientRect()
    return (clientX - left) / width
  }

  destroy() {
    this.#resized.disconnect()
    this.#plot.destroy()
  }

  /** Says what lies under the cursor. */
  read() {
    const { newest, hidden } = this.#shared
    renderReadings(this.#figure, this.#plot, { ...this.#of, newest, hidden })
    // A cursor that follows another chart's has no event of its own.
    const isPointedAt = this.#isHeld || this.#plot.cursor.event != null
    renderTooltip(this.#figure, this.#plot, { ...this.#of, isPointedAt })
  }
}
