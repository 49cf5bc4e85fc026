// What the cursor of a chart reads.

import { columnsOf, valuesOf } from './columns.js'
import { element, reconcile, setText } from './shared/dom.js'
import { formatMoment } from './shared/format.js'
import { lineColour } from './shared/ink.js'
import { placeAt } from './shared/place-at.js'

/** What stands at the time under the cursor; without one, what is newest. `hidden`: the symbols without a line. */
export function renderReadings(figure, plot, { kind, symbols, newest, hidden }) {
  const { left } = plot.cursor
  const time = left >= 0 ? plot.posToVal(left, 'x') : null
  setText(
    figure.querySelector('.reading-time'),
    time === null ? '' : formatMoment(time * 1000, newest * 1000),
  )
  const columns = columnsOf(kind, symbols)
  const readings = symbols.map((symbol, i) => {
    const values = valuesOf(kind, plot.data, i)
    const place = placeAt(plot.data[0], values, time ?? Number.POSITIVE_INFINITY)
    return { symbol, text: place === null ? '–' : columns[i].format(values[place]), colour: lineColour(i) }
  })
  reconcile(
    figure.querySelector('.readings'),
    readings,
    ({ symbol }) => symbol,
    ({ symbol }) => (kind === 'changes' ? createEntry(symbol) : element('span', {}, element('b'))),
    (reading, { symbol, text, colour }) => {
      setText(reading.querySelector('b'), text)
      if (kind !== 'changes') return
      // Not once for all: a symbol that comes later moves the colours of those behind it.
      reading.querySelector('i').style.backgroundColor = colour
      reading.setAttribute('aria-pressed', String(!hidden.has(symbol)))
    },
  )
}

/** Of the legend: it hides its line, and shows it again. */
function createEntry(symbol) {
  const name = element('span', { className: 'reading-symbol' }, symbol)
  const entry = element('button', { className: 'entry', type: 'button', 'data-symbol': symbol })
  entry.append(element('i'), name, ' ', element('b'))
  return entry
}
