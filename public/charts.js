import uPlot from '/vendor/uplot/uPlot.esm.js'
import { element, reconcile, setText } from './dom.js'
import { decimalsOf, formatClock, formatNumber, formatPercent } from './format.js'
import { locale } from './locale.js'
import { formatPrice, inOrder, tickSize } from './products.js'

// Told apart by those who see few colours, too (after Okabe and Ito), in light and in dark.
const lineColours = ['#2f81d6', '#d9822b', '#16a085', '#b565c9', '#c9a227', '#d6527a', '#5f7d95', '#7a9e2e']
const colourOf = (i) => lineColours[i % lineColours.length]
const chartHeightPx = { each: 190, all: 380 }

/**
 * The price charts: one a symbol, or all in one as the change since the start of the time shown. They share the cursor
 * and the zoom (drag; double-click ends it), which a refresh leaves alone.
 */
export class Charts {
  #host
  #onZoom
  #layout
  /** Of one plot each: `{ figure, plot, symbols }`, by name. */
  #plots = new Map()
  #zoom = null
  #series = null
  #resized

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

  /** Draws what can be drawn; throws the first fault after that. */
  render(series) {
    this.#series = series
    const symbols = inOrder(series.bySymbol.keys())
    const charts =
      this.#layout === 'each' ? symbols.map((symbol) => [symbol, [symbol]]) : [['All symbols', symbols]]
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
      ([name]) => createFigure(name),
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
    if (this.#series) this.render(this.#series)
  }

  #draw(figure, name, symbols) {
    const data = this.#dataOf(symbols)
    let known = this.#plots.get(name)
    if (!known) {
      const host = figure.querySelector('.plot')
      const plot = new uPlot(this.#optionsOf(symbols, host.clientWidth, figure), data, host)
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
  }

  #dataOf(symbols) {
    const tables = symbols.map((symbol) => {
      const { times, prices } = this.#series.bySymbol.get(symbol)
      return [times, this.#layout === 'each' ? prices : prices.map((price) => price / prices[0] - 1)]
    })
    return tables.length === 1 ? tables[0] : uPlot.join(tables)
  }

  /** The time shown ends with the newest trade of all, so that the charts stay under each other. */
  #place(plot) {
    const newest = this.#series.newest
    const minutes = this.#series.minutes
    const first = plot.data[0][0] ?? newest
    const shown = this.#zoom ?? { min: minutes === 0 ? first : newest - minutes * 60, max: newest }
    plot.setScale('x', shown.max > shown.min ? shown : { min: newest - 60, max: newest })
  }

  #setZoom(zoom) {
    this.#zoom = zoom
    for (const { plot } of this.#plots.values()) this.#place(plot)
    this.#onZoom(zoom !== null)
  }

  #optionsOf(symbols, width, figure) {
    const colours = getComputedStyle(document.documentElement)
    const colour = (name) => colours.getPropertyValue(name).trim()
    const single = this.#layout === 'each'
    const font = `11px ${colours.fontFamily || 'sans-serif'}`
    const grid = { stroke: colour('--grid'), width: 1 }
    const axis = { stroke: colour('--muted'), font, grid, ticks: { show: false } }
    return {
      width,
      height: chartHeightPx[this.#layout],
      padding: [8, 0, 0, 14],
      legend: { show: false },
      cursor: {
        sync: { key: 'prices', setSeries: false },
        drag: { x: true, y: false, setScale: false },
        points: { size: 7 },
        dataIdx: (plot, column, closest, time) =>
          column === 0 ? closest : placeAt(plot.data[0], plot.data[column], time),
        bind: {
          dblclick: () => () => {
            this.#setZoom(null)
            return null
          },
        },
      },
      scales: { x: { auto: false }, y: { range: paddedRange } },
      axes: [
        { ...axis, space: 62, size: 28, gap: 6, values: axisTimes },
        {
          ...axis,
          side: 1,
          incrs: () => (single ? steps.filter((step) => step >= tickSize(symbols[0])) : steps),
          size: (_, values) => 16 + 6.5 * Math.max(6, ...(values ?? []).map(({ length }) => length)),
          gap: 6,
          values: (_, ticks, __, ___, step) => ticks.map((tick) => axisValue(single, tick, step)),
        },
      ],
      series: [
        {},
        ...symbols.map((symbol, i) => ({
          label: symbol,
          stroke: single ? colour('--accent') : colourOf(i),
          width: 1.5,
          points: { show: false },
          // Joined series have holes where only others traded; these are not gaps.
          spanGaps: true,
          ...(single && { fill: (plot) => fade(plot, colour('--accent')) }),
        })),
      ],
      hooks: {
        setCursor: [(plot) => this.#read(figure, plot, symbols)],
        setSelect: [
          (plot) => {
            const { left, width: selected } = plot.select
            if (selected < 4) return
            const zoom = { min: plot.posToVal(left, 'x'), max: plot.posToVal(left + selected, 'x') }
            plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
            this.#setZoom(zoom)
          },
        ],
      },
    }
  }

  /** The heading says what was the price at the time under the cursor; without one, what is newest. */
  #read(figure, plot, symbols) {
    const single = this.#layout === 'each'
    const { left } = plot.cursor
    const time = left >= 0 ? plot.posToVal(left, 'x') : null
    const values = symbols.map((symbol, i) => {
      const prices = plot.data[i + 1]
      const place = placeAt(plot.data[0], prices, time ?? Number.POSITIVE_INFINITY)
      if (place === null) return '–'
      return single ? formatPrice(symbol, prices[place]) : formatPercent(prices[place])
    })
    setText(figure.querySelector('.reading-time'), time === null ? '' : formatClock(new Date(time * 1000)))
    reconcile(
      figure.querySelector('.readings'),
      symbols.map((symbol, i) => ({ symbol, value: values[i], i })),
      ({ symbol }) => symbol,
      ({ symbol }) =>
        single
          ? element('span', {}, element('b'))
          : element(
              'span',
              {},
              element('i'),
              element('span', { className: 'reading-symbol' }, symbol),
              element('b'),
            ),
      (reading, { value, i }) => {
        setText(reading.querySelector('b'), value)
        // Not once for all: a symbol that comes later moves the colours of those behind it.
        const mark = reading.querySelector('i')
        if (mark) mark.style.backgroundColor = colourOf(i)
      },
    )
  }
}

function createFigure(name) {
  return element(
    'figure',
    { className: 'chart' },
    element(
      'figcaption',
      {},
      element('span', { className: 'chart-name' }, name),
      element('span', { className: 'readings' }),
      element('span', { className: 'reading-time' }),
    ),
    element('div', { className: 'plot', role: 'img', 'aria-label': `Price of ${name} over time` }),
  )
}

/** A price stands until the next trade: the place of the last one at or before a time; null: there is none. */
function placeAt(times, prices, time) {
  let place = 0
  let end = times.length
  while (place < end) {
    const middle = (place + end) >> 1
    if (times[middle] <= time) place = middle + 1
    else end = middle
  }
  do place--
  while (place >= 0 && prices[place] == null)
  return place < 0 ? null : place
}

function paddedRange(_, min, max) {
  if (min == null || max == null) return [0, 1]
  const pad = max > min ? (max - min) * 0.08 : Math.abs(max) * 0.001 || 1
  return [min - pad, max + pad]
}

/** What the ticks of an axis may be apart; a price has none between two of its own ticks. */
const steps = Array.from({ length: 20 }, (_, i) =>
  [1, 2, 5].map((digit) => Number(`${digit}e${i - 11}`)),
).flat()

/** With as many digits as the steps between the ticks need. */
function axisValue(single, tick, step) {
  return single
    ? formatNumber(tick, decimalsOf(step))
    : `${formatNumber(tick * 100, decimalsOf(step * 100))} %`
}

const minuteFormat = new Intl.DateTimeFormat(locale, {
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
})
const dayFormat = new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric' })

function axisTimes(_, ticks, __, ___, step) {
  return ticks.map((tick, i) => {
    const date = new Date(tick * 1000)
    if (step < 60) return formatClock(date)
    if (step >= 86_400) return dayFormat.format(date)
    const midnight = date.getHours() === 0 && date.getMinutes() === 0
    return midnight && i > 0 ? dayFormat.format(date) : minuteFormat.format(date)
  })
}

/** The line's colour, fading downwards. */
function fade(plot, colour) {
  const { top, height } = plot.bbox
  if (!(height > 0)) return 'transparent'
  const gradient = plot.ctx.createLinearGradient(0, top, 0, top + height)
  gradient.addColorStop(0, `${colour}38`)
  gradient.addColorStop(1, `${colour}00`)
  return gradient
}
