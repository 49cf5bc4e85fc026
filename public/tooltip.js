// What a chart shows at one moment, beside the cursor: for those who see it; others have the table of points.

import { columnsOf } from './columns.js'
import { element, reconcile, setText } from './shared/dom.js'
import { formatWithZone } from './shared/format.js'
import { placeAt } from './shared/place-at.js'

const marginPx = 14

export function createTooltip() {
  return element(
    'div',
    { className: 'tooltip', 'aria-hidden': 'true', hidden: '' },
    element('p', { className: 'tooltip-time' }),
    element('dl'),
  )
}

/** In the chart that is pointed at; the others, whose cursors follow it, say what they read in their headings. */
export function renderTooltip(figure, plot, { kind, symbols, isPointedAt }) {
  const tooltip = figure.querySelector('.tooltip')
  const { left } = plot.cursor
  const isShown = isPointedAt && left >= 0
  if (tooltip.hidden === isShown) tooltip.hidden = !isShown
  if (!isShown) return
  const time = plot.posToVal(left, 'x')
  const rows = columnsOf(kind, symbols)
    .map(({ name, format }, i) => {
      const values = plot.data[i + 1]
      const place = plot.series[i + 1].show ? placeAt(plot.data[0], values, time) : null
      return { name, text: place === null ? null : format(values[place]) }
    })
    .filter(({ text }) => text !== null)
  setText(tooltip.firstChild, formatWithZone(time * 1000))
  reconcile(
    tooltip.lastChild,
    rows,
    ({ name }) => name,
    ({ name }) => element('div', {}, element('dt', {}, name), element('dd')),
    (row, { text }) => setText(row.lastChild, text),
  )
  placeBeside(tooltip, plot, left)
}

/** To the cursor's right, or to its left where there is no room. */
function placeBeside(tooltip, plot, left) {
  const { offsetLeft, clientWidth } = plot.over
  const isRight = left + marginPx + tooltip.offsetWidth <= clientWidth
  const x = isRight ? left + marginPx : Math.max(0, left - marginPx - tooltip.offsetWidth)
  tooltip.style.transform = `translate(${Math.round(offsetLeft + x)}px, ${plot.over.offsetTop + 4}px)`
}
