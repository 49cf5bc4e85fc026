// What a chart shows, in words and as a table: for those who don't see it, or want it to the digit.

import { rowsOf, sentenceOf } from './points.js'
import { formatPrice } from './products.js'
import { element, reconcile, setText } from './shared/dom.js'
import { formatMoment, formatPercent } from './shared/format.js'

const number = { className: 'number' }

/** Closed, with a table that is filled when it is opened. */
export function createSummary(name) {
  return element(
    'details',
    { className: 'points' },
    element('summary', {}, 'Points', element('span', { className: 'hidden' }, ` of ${name}`)),
    element(
      'div',
      { className: 'points-scroll', role: 'region', tabindex: '0', 'aria-label': `Points of ${name}` },
      element('table', {}, element('thead', {}, element('tr')), element('tbody')),
    ),
  )
}

/** Of a plot of these symbols. `newest`: the time of the newest point of all, s. */
export function renderSummary(figure, plot, { symbols, isSingle, newest }) {
  const [times, ...lines] = plot.data
  const view = { min: plot.scales.x.min, max: plot.scales.x.max }
  const formatTime = (time) => formatMoment(time * 1000, newest * 1000)
  const formatOf = (symbol) => (isSingle ? (price) => formatPrice(symbol, price) : formatPercent)
  const sentences = symbols.map((symbol, i) =>
    sentenceOf(symbol, times, lines[i], view, { formatTime, formatValue: formatOf(symbol) }),
  )
  setText(figure.querySelector('.summary'), sentences.join(' '))
  const details = figure.querySelector('.points')
  if (details.open) renderTable(details, symbols, rowsOf(plot.data, view), { formatTime, formatOf })
}

function renderTable(details, symbols, rows, { formatTime, formatOf }) {
  reconcile(
    details.querySelector('thead tr'),
    ['Time', ...symbols],
    (column) => column,
    (column) => element('th', { scope: 'col', ...(column !== 'Time' && number) }, column),
    () => {},
  )
  reconcile(
    details.querySelector('tbody'),
    rows.map((row, i) => ({ ...row, key: `${symbols.length} ${i}` })),
    ({ key }) => key,
    () => element('tr', {}, element('th', { scope: 'row' }), ...symbols.map(() => element('td', number))),
    (row, { time, values }) => {
      setText(row.children[0], formatTime(time))
      for (const [i, value] of values.entries())
        setText(row.children[i + 1], value === null ? '–' : formatOf(symbols[i])(value))
    },
  )
}
