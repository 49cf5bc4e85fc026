import { axisPrices, axisRatios, paddedRange, priceSteps, ratioSteps } from './axes.js'
import { fade, nameGaps, shade } from './ink.js'
import { axisTimes } from './shared/axis-times.js'
import { lineColour, pageColour, pageFont } from './shared/ink.js'
import { placeAt } from './shared/place-at.js'
import uPlot from './vendor/uplot/uPlot.esm.js'

/** A price stands until the next trade. */
const stepped = uPlot.paths.stepped({ align: 1, extend: true })
const selectedPxMin = 4

/**
 * The options of one plot: of one symbol's prices, or of several symbols' changes.
 *
 * - `silences()`, `pausesOf(symbol)`: when nothing was traded, in seconds
 * - `isPoint(symbol)`: whether its line is one point, and has no length
 * - `widen(labels)`: the width of an axis with these labels
 * - `onCursor(plot)`, `onZoom(range)`: the reader points at something, chooses a time; null: all of it
 */
export function plotOptions({
  symbols,
  isSingle,
  size,
  silences,
  pausesOf,
  isPoint,
  widen,
  onCursor,
  onZoom,
}) {
  return {
    ...size,
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
          onZoom(null)
          return null
        },
      },
    },
    scales: { x: { auto: false }, y: { range: paddedRange } },
    axes: axesOf(symbols, isSingle, widen),
    series: [
      {},
      ...symbols.map((symbol, i) => ({
        label: symbol,
        stroke: isSingle ? pageColour('--accent') : lineColour(i),
        width: 1.5,
        paths: stepped,
        points: { show: () => isPoint(symbol), size: 5 },
        // Not where a joined series has holes, for there only others traded.
        gaps: (plot) => inPixels(plot, pausesOf(symbol)),
        ...(isSingle && { fill: fade }),
      })),
    ],
    hooks: {
      drawClear: [(plot) => shade(plot, inPixels(plot, silences()))],
      draw: [(plot) => nameGaps(plot, inPixels(plot, silences()))],
      setCursor: [onCursor],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select
          if (width < selectedPxMin) return
          const range = { min: plot.posToVal(left, 'x'), max: plot.posToVal(left + width, 'x') }
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
          onZoom(range)
        },
      ],
    },
  }
}

function axesOf(symbols, isSingle, widen) {
  const grid = { stroke: pageColour('--grid'), width: 1 }
  const axis = { stroke: pageColour('--muted'), font: pageFont(11), grid, ticks: { show: false }, gap: 6 }
  return [
    { ...axis, space: 62, size: 28, values: axisTimes },
    {
      ...axis,
      side: 1,
      incrs: () => (isSingle ? priceSteps(symbols[0]) : ratioSteps()),
      size: (_, labels) => widen(labels ?? []),
      values: isSingle ? axisPrices : axisRatios,
    },
  ]
}

/** Those of the stretches of time that are in sight, in pixels of the canvas. */
function inPixels(plot, stretches) {
  const { left, width } = plot.bbox
  return stretches
    .map((stretch) => stretch.map((time) => plot.valToPos(time, 'x', true)))
    .filter(([from, to]) => to > left && from < left + width)
}
