// What a chart shows, in words and as a table: for those who don't see it, or want it to the digit.

import { element, reconcile, setText } from './dom.js'
import { formatMoment } from './format.js'
import { rowsOf, sentenceOf } from './points.js'

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

/**
 * Of the `data` of a plot, as far as it is in `view`. `lines`: what there is a sentence on, `{ name, values, lows?, highs?, format }`
 * of each; `columns`: `{ name, format }` of each of the data's behind the times; `nothing`: what there is where a line has no
 * points; `newest`: the time of the newest point of all, s.
 */
export function renderSummary(figure, { data, lines, columns, view, newest, nothing }) {
  const [times] = data
  const formatTime = (time) => formatMoment(time * 1000, newest * 1000)
  const sentences = lines.map(({ name, format, ...line }) =>
    sentenceOf(name, { times, ...line }, view, { formatTime, formatValue: format, nothing }),
  )
  setText(figure.querySelector('.summary'), sentences.join(' '))
  const details = figure.querySelector('.points')
  if (details.open) renderTable(details, columns, rowsOf(data, view), formatTime)
}

function renderTable(details, columns, rows, formatTime) {
  reconcile(
    details.querySelector('thead tr'),
    ['Time', ...columns.map(({ name }) => name)],
    (name) => name,
    (name) => element('th', { scope: 'col', ...(name !== 'Time' && number) }, name),
    () => {},
  )
  reconcile(
    details.querySelector('tbody'),
    rows.map((row, i) => ({ ...row, key: `${columns.length} ${i}` })),
    ({ key }) => key,
    () => element('tr', {}, element('th', { scope: 'row' }), ...columns.map(() => element('td', number))),
    (row, { time, values }) => {
      setText(row.children[0], formatTime(time))
      for (const [i, value] of values.entries())
        setText(row.children[i + 1], value === null ? '–' : columns[i].format(value))
    },
  )
}
