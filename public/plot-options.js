import { axisPrices, axisRatios, paddedRange, priceSteps, ratioSteps } from './axes.js'
import { drawCandles } from './candle-ink.js'
import { columnsOf } from './columns.js'
import { drawLastPrice, fade, nameStretches, shade } from './ink.js'
import { formatPrice } from './products.js'
import { axisTimes } from './shared/axis-times.js'
import { lineColour, pageColour, pageFont } from './shared/ink.js'
import { placeAt } from './shared/place-at.js'
import { inSight, stretchesOf } from './stretches.js'
import uPlot from './vendor/uplot/uPlot.esm.js'
import { drawVolume, rangeAboveVolume } from './volume-ink.js'

/** A price stands until the next trade. */
const stepped = uPlot.paths.stepped({ align: 1, extend: true })
const selectedPxMin = 4

/** The options of one plot; `shared`: what all charts have in common. `onCursor()`: something else is pointed at. */
export function plotOptions({ kind, symbols, size, shared, onCursor }) {
  const stretches = (plot) => inSight(plot, stretchesOf(symbols, shared))
  return {
    ...size,
    padding: [8, 0, 0, 14],
    legend: { show: false },
    cursor: {
      sync: { key: 'prices', setSeries: false },
      drag: { x: true, y: false, setScale: false },
      points: { size: 7, show: kind !== 'candles' },
      dataIdx: (plot, column, closest, time) =>
        column === 0 ? closest : placeAt(plot.data[0], plot.data[column], time),
      bind: {
        dblclick: () => () => {
          shared.zoomTo(null)
          return null
        },
      },
    },
    scales: { x: { auto: false }, y: { range: kind === 'changes' ? paddedRange : rangeAboveVolume } },
    axes: axesOf(kind, symbols, shared),
    series: [{}, ...seriesOf(kind, symbols, shared)],
    hooks: {
      drawClear: [
        (plot) => {
          shade(plot, stretches(plot))
          if (kind === 'line') drawVolumeOf(plot, symbols[0], shared)
        },
      ],
      draw: [
        (plot) => {
          if (kind === 'candles') drawCandles(plot, shared.candleSeconds)
          nameStretches(plot, stretches(plot))
          if (kind !== 'changes') drawLast(plot, symbols[0], shared)
        },
      ],
      setCursor: [onCursor],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select
          if (width < selectedPxMin) return
          const range = { min: plot.posToVal(left, 'x'), max: plot.posToVal(left + width, 'x') }
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
          shared.zoomTo(range)
        },
      ],
    },
  }
}

function seriesOf(kind, symbols, shared) {
  if (kind === 'candles') {
    // They are drawn by themselves; the prices are here for the axis to have room for.
    const unseen = { paths: () => null, points: { show: false } }
    return columnsOf(kind, symbols).map(({ name: label }) => ({
      ...unseen,
      label,
      scale: label === 'Volume' ? 'volume' : 'y',
    }))
  }
  return symbols.map((symbol, i) => ({
    label: symbol,
    show: !shared.hidden.has(symbol),
    stroke: kind === 'line' ? pageColour('--accent') : lineColour(i),
    width: 1.5,
    paths: stepped,
    points: { show: () => shared.isPoint(symbol), size: 5 },
    // Not where a joined series has holes, for there only others traded.
    gaps: (plot) => inSight(plot, shared.pausesOf(symbol)).map(({ from, to }) => [from, to]),
    ...(kind === 'line' && { fill: fade }),
  }))
}

function axesOf(kind, symbols, shared) {
  const isPrice = kind !== 'changes'
  const grid = { stroke: pageColour('--grid'), width: 1 }
  const axis = { stroke: pageColour('--muted'), font: pageFont(11), grid, ticks: { show: false }, gap: 6 }
  return [
    { ...axis, space: 62, size: 28, values: axisTimes },
    {
      ...axis,
      side: 1,
      incrs: () => (isPrice ? priceSteps(symbols[0]) : ratioSteps()),
      size: (_, labels) => shared.widen([...(labels ?? []), ...lastLabels(kind, symbols, shared)]),
      values: isPrice ? axisPrices : axisRatios,
    },
  ]
}

function lastLabels(kind, [symbol], shared) {
  const price = kind === 'changes' ? undefined : shared.lastPrice(symbol)
  return price === undefined ? [] : [formatPrice(symbol, price)]
}

function drawVolumeOf(plot, symbol, shared) {
  const bars = shared.volumeOf(symbol)
  const colour = pageColour('--muted')
  if (bars) drawVolume(plot, { ...bars, colourOf: () => colour })
}

function drawLast(plot, symbol, shared) {
  const price = shared.lastPrice(symbol)
  if (price !== undefined) drawLastPrice(plot, price, formatPrice(symbol, price))
}
