// The last hour as charts: rates, lags and counters under each other, with one cursor for all of them.

import { axisTimes } from '../shared/axis-times.js'
import { element, reconcile, setText } from '../shared/dom.js'
import { createFigure } from '../shared/figure.js'
import { formatCount, formatMoment, formatShort } from '../shared/format.js'
import { lineColour, pageColour, pageFont } from '../shared/ink.js'
import { placeAt } from '../shared/place-at.js'
import { renderSummary } from '../shared/summary.js'
import uPlot from '../vendor/uplot/uPlot.esm.js'
import { formatRate, formatSeconds } from './units.js'

const heightPx = 170
const axisPx = 64

const charts = [
  { kind: 'rates', name: 'Records a second, by step', format: formatRate },
  { kind: 'lags', name: 'Records waiting, by reader', format: formatCount },
  { kind: 'lag_seconds', name: 'For how long the oldest waits, by reader', format: formatSeconds },
  { kind: 'counters', name: 'Counted since the start', format: formatCount },
]

export class HistoryCharts {
  #host
  #minutes
  /** By kind: `{ figure, plot, names }`. */
  #plots = new Map()
  #history = null
  #drawn
  #resized

  constructor(host, { minutes }) {
    this.#host = host
    this.#minutes = minutes
    this.#resized = new ResizeObserver((entries) => {
      for (const { target, contentRect } of entries) {
        const width = Math.floor(contentRect.width)
        const plot = this.#plots.get(target.dataset.kind)?.plot
        if (plot && width > 0 && width !== plot.width) plot.setSize({ width, height: heightPx })
      }
    })
    for (const chart of charts) host.append(this.#createFigure(chart))
    host.addEventListener('keydown', (event) => {
      const plot = this.#plots.get(event.target.dataset.kind)?.plot
      const cursor = plot && afterKey(plot, event.key)
      if (!cursor) return
      event.preventDefault()
      plot.setCursor(cursor, true, true)
    })
  }

  set minutes(minutes) {
    this.#minutes = minutes
    for (const { plot } of this.#plots.values()) plot.setScale('x', this.#view)
    if (this.#history?.times.length > 0)
      for (const [i, chart] of charts.entries()) this.#sumUp(this.#host.children[i], chart)
  }

  render(history) {
    this.#history = history
    if (this.#drawn === history.revision || history.times.length === 0) return
    for (const [i, chart] of charts.entries()) this.#draw(this.#host.children[i], chart)
    this.#drawn = history.revision
  }

  /** As in another theme: canvases don't follow the style sheet. */
  redraw() {
    for (const { plot } of this.#plots.values()) plot.destroy()
    this.#plots.clear()
    this.#drawn = undefined
    if (this.#history) this.render(this.#history)
  }

  #draw(figure, chart) {
    const { times, columns } = this.#history
    const names = [...columns[chart.kind].keys()]
    const data = [times, ...columns[chart.kind].values()]
    const host = figure.querySelector('.plot')
    let known = this.#plots.get(chart.kind)
    if (known && known.names.join('\n') !== names.join('\n')) {
      known.plot.destroy()
      known = undefined
    }
    if (!known) {
      const read = (plot) => this.#read(figure, plot, chart, names)
      const plot = new uPlot(optionsOf(chart, names, host.clientWidth, read), data, host)
      known = { plot, names }
      this.#plots.set(chart.kind, known)
      this.#resized.observe(host)
    }
    known.plot.batch(() => {
      known.plot.setData(data)
      known.plot.setScale('x', this.#view)
    })
    this.#read(figure, known.plot, chart, names)
    this.#sumUp(figure, chart)
  }

  /** The time that is shown. */
  get #view() {
    const max = this.#history.times.at(-1)
    return { min: max - this.#minutes * 60, max }
  }

  #createFigure(chart) {
    const { kind, name } = chart
    const figure = createFigure({ name, label: `${name}, over time`, keys: 'ArrowLeft ArrowRight Escape' })
    figure.querySelector('.plot').dataset.kind = kind
    const sumUp = () => this.#sumUp(figure, chart)
    figure.querySelector('.points').addEventListener('toggle', sumUp)
    return figure
  }

  /** In words, and as a table where that is open. */
  #sumUp(figure, { kind, format }) {
    const { times, columns: all } = this.#history
    const lines = [...all[kind]].map(([name, values]) => ({ name, values, format }))
    const data = [times, ...lines.map(({ values }) => values)]
    const [view, newest] = [this.#view, times.at(-1)]
    renderSummary(figure, { data, lines, columns: lines, view, newest, nothing: 'nothing' })
  }

  /** What was at the time under the cursor; without one, what is newest. */
  #read(figure, plot, { format }, names) {
    const { left } = plot.cursor
    const newest = plot.data[0].at(-1)
    const time = left >= 0 ? plot.posToVal(left, 'x') : null
    const moment = time === null ? '' : formatMoment(time * 1000, newest * 1000)
    setText(figure.querySelector('.reading-time'), moment)
    const shownOf = (i) => {
      const place = placeAt(plot.data[0], plot.data[i + 1], time ?? Number.POSITIVE_INFINITY)
      return place === null ? '–' : format(plot.data[i + 1][place])
    }
    reconcile(
      figure.querySelector('.readings'),
      names,
      (name) => name,
      (name) =>
        element('span', {}, element('i'), element('span', { className: 'reading-name' }, name), element('b')),
      (reading, name) => {
        const i = names.indexOf(name)
        reading.querySelector('i').style.backgroundColor = lineColour(i)
        setText(reading.querySelector('b'), shownOf(i))
      },
    )
  }
}

function optionsOf({ format }, names, width, read) {
  const grid = { stroke: pageColour('--grid'), width: 1 }
  const axis = { stroke: pageColour('--muted'), font: pageFont(11), grid, ticks: { show: false }, gap: 6 }
  return {
    width,
    height: heightPx,
    padding: [8, 14, 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: 'pipeline', setSeries: false },
      drag: { x: false, y: false },
      points: { size: 6 },
    },
    scales: { x: { auto: false }, y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] } },
    axes: [
      { ...axis, space: 62, size: 28, values: axisTimes },
      { ...axis, size: axisPx, values: (_, ticks) => ticks.map((tick) => axisValue(tick, format)) },
    ],
    series: [
      {},
      ...names.map((label, i) => ({ label, stroke: lineColour(i), width: 1.5, points: { show: false } })),
    ],
    hooks: { setCursor: [read] },
  }
}

const axisValue = (tick, format) => (format === formatCount ? formatShort(tick) : format(tick))

/** From one moment that was noted to the next; undefined: the key is none of a chart's. */
function afterKey(plot, key) {
  if (key === 'Escape') return { left: -10, top: -10 }
  const step = { ArrowLeft: -1, ArrowRight: 1 }[key]
  if (step === undefined) return undefined
  const times = plot.data[0]
  const last = times.length - 1
  const place = plot.cursor.left >= 0 ? (plot.cursor.idx ?? last) + step : last
  return { left: plot.valToPos(times[Math.max(0, Math.min(last, place))], 'x'), top: 10 }
}
