import { element, reconcile, setText } from './dom.js'

/** A row whose cells are `columns`: `{ label, className?, header?, text(item) or draw(cell, item), tone?(item) }`. */
export function renderRows(body, items, keyOf, columns) {
  reconcile(
    body,
    items,
    keyOf,
    () => {
      const cells = columns.map(({ label, className = '', header }) =>
        element(header ? 'th' : 'td', { className, 'data-label': label, ...(header && { scope: 'row' }) }),
      )
      return element('tr', {}, ...cells)
    },
    (row, item) => {
      for (const [i, column] of columns.entries()) {
        const cell = row.children[i]
        if (column.draw) column.draw(cell, item)
        else setText(cell, column.text(item))
        if (column.tone) cell.dataset.tone = column.tone(item)
      }
    },
  )
}
