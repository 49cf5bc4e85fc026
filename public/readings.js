// The heading of a chart: its name, and what the cursor reads.

import { formatPrice } from './products.js'
import { element, reconcile, setText } from './shared/dom.js'
import { formatMoment, formatPercent } from './shared/format.js'
import { lineColour } from './shared/ink.js'
import { placeAt } from './shared/place-at.js'
import { createSummary } from './summary.js'

export function createFigure(name) {
  const summaryId = `summary-${encodeURIComponent(name)}`
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
    element('div', {
      className: 'plot',
      role: 'img',
      'aria-label': `Price of ${name} over time`,
      'aria-keyshortcuts': 'ArrowLeft ArrowRight + - Home Escape',
      'aria-describedby': summaryId,
      tabindex: '0',
    }),
    element('p', { className: 'summary hidden', id: summaryId }),
    createSummary(name),
  )
}

/** What was the price at the time under the cursor; without one, what is newest. */
export function renderReadings(figure, plot, { symbols, isSingle, newest }) {
  const { left } = plot.cursor
  const time = left >= 0 ? plot.posToVal(left, 'x') : null
  setText(
    figure.querySelector('.reading-time'),
    time === null ? '' : formatMoment(time * 1000, newest * 1000),
  )
  const readings = symbols.map((symbol, i) => {
    const prices = plot.data[i + 1]
    const place = placeAt(plot.data[0], prices, time ?? Number.POSITIVE_INFINITY)
    if (place === null) return { symbol, text: '–', colour: lineColour(i) }
    const text = isSingle ? formatPrice(symbol, prices[place]) : formatPercent(prices[place])
    return { symbol, text, colour: lineColour(i) }
  })
  reconcile(
    figure.querySelector('.readings'),
    readings,
    ({ symbol }) => symbol,
    ({ symbol }) => createReading(symbol, isSingle),
    (reading, { text, colour }) => {
      setText(reading.querySelector('b'), text)
      // Not once for all: a symbol that comes later moves the colours of those behind it.
      const mark = reading.querySelector('i')
      if (mark) mark.style.backgroundColor = colour
    },
  )
}

function createReading(symbol, isSingle) {
  if (isSingle) return element('span', {}, element('b'))
  const name = element('span', { className: 'reading-symbol' }, symbol)
  return element('span', {}, element('i'), name, element('b'))
}
