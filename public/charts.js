import uPlot from '/vendor/uplot/uPlot.esm.js'
import { axisPrices, axisRatios, axisTimes, paddedRange, priceSteps, ratioSteps } from './axes.js'
import { element, reconcile, setText } from './dom.js'
import { formatMoment, formatPercent } from './format.js'
import { pauseSecondsMin, pausesOf } from './pauses.js'
import { formatPrice, inOrder } from './products.js'

// Told apart by those who see few colours, too (after Okabe and Ito), and at 3:1 against both light and dark.
const lineColours = ['#2f81d6', '#c8701a', '#12907a', '#b565c9', '#a68500', '#d6527a', '#5f7d95', '#6f9127']
const colourOf = (i) => lineColours[i % lineColours.length]
const stepped = uPlot.paths.stepped({ align: 1, extend: true })
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
  /** What was drawn last; undefined: it is to be drawn anew. */
  #drawn
  #resized
  #axisWidth = 0
  #pauseSecondsMin = 0
  /** When no symbol was traded. */
  #silences = []

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
    if (series === this.#series && series.revision === this.#drawn) return
    this.#series = series
    this.#drawn = undefined
    this.#lookForPauses()
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
    this.#drawn = series.revision
  }

  #lookForPauses() {
    const { bySymbol, minutes, newest } = this.#series
    const times = Float64Array.from([...bySymbol.values()].flatMap((own) => own.times)).sort()
    this.#pauseSecondsMin = pauseSecondsMin(minutes === 0 ? newest - (times[0] ?? newest) : minutes * 60)
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

  #pausesOf(symbol) {
    return pausesOf(
      this.#series.bySymbol.get(symbol)?.times ?? [],
      this.#series.newest,
      this.#pauseSecondsMin,
    )
  }

  /** Those in sight, in pixels of the canvas. */
  #gapsOf(plot, pauses) {
    const { left, width } = plot.bbox
    return pauses
      .map((pause) => pause.map((time) => plot.valToPos(time, 'x', true)))
      .filter(([from, to]) => to > left && from < left + width)
  }

  /** All charts have the widest axis of them, so that equal times stand under each other. */
  #widen(values) {
    const longest = Math.max(6, ...values.map(({ length }) => length))
    this.#axisWidth = Math.max(this.#axisWidth, 16 + 6.5 * longest)
    return this.#axisWidth
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
          incrs: () => (single ? priceSteps(symbols[0]) : ratioSteps()),
          size: (_, values) => this.#widen(values ?? []),
          gap: 6,
          values: single ? axisPrices : axisRatios,
        },
      ],
      series: [
        {},
        ...symbols.map((symbol, i) => ({
          label: symbol,
          stroke: single ? colour('--accent') : colourOf(i),
          width: 1.5,
          paths: stepped,
          // A line of one point has no length.
          points: { show: () => this.#series.bySymbol.get(symbol)?.times.length === 1, size: 5 },
          // Not where a joined series has holes, for there only others traded.
          gaps: (plot) => this.#gapsOf(plot, this.#pausesOf(symbol)),
          ...(single && { fill: (plot) => fade(plot, colour('--accent')) }),
        })),
      ],
      hooks: {
        drawClear: [(plot) => shade(plot, this.#gapsOf(plot, this.#silences), colour)],
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
    setText(
      figure.querySelector('.reading-time'),
      time === null ? '' : formatMoment(time * 1000, this.#series.newest * 1000),
    )
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

/** Where nothing was traded at all is no quiet price, but an outage, a night or a weekend. */
function shade({ ctx, bbox }, gaps, colour) {
  const label = 'no trades'
  ctx.save()
  ctx.beginPath()
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height)
  ctx.clip()
  ctx.textAlign = 'center'
  ctx.font = `${Math.round(11 * devicePixelRatio)}px ${getComputedStyle(document.documentElement).fontFamily}`
  for (const [from, to] of gaps) {
    ctx.fillStyle = colour('--grid')
    ctx.fillRect(from, bbox.top, to - from, bbox.height)
    ctx.fillStyle = colour('--muted')
    if (ctx.measureText(label).width < to - from)
      ctx.fillText(label, (from + to) / 2, bbox.top + bbox.height / 2)
  }
  ctx.restore()
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
