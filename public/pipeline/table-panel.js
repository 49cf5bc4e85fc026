import { element, setText } from '../shared/dom.js'
import { renderRows } from '../shared/rows.js'

/**
 * A panel with a table, in the section of its `id`, whose children come to stand in its heading. `rows(told)` and
 * `columns(told)`, as `renderRows` takes them, are of all that is told; `calm` is said where there are no rows; without
 * `isShown(told)` the panel is not shown. What `isLong` is scrolled in its place, by keys, too.
 */
export class TablePanel {
  /** What it shows, as a fault says it. */
  name
  #of
  #section
  #body
  #calm

  constructor(of) {
    const { id, name, title, note, calm = '', isLong = false, columns } = of
    this.name = name
    this.#of = of
    this.#section = document.getElementById(`${id}-panel`)
    this.#body = element('tbody', { id })
    this.#calm = element('p', { className: 'calm', id: `no-${id}`, hidden: '' }, calm)
    const heading = element('h2', { id: `${id}-title` }, title)
    if (note) heading.append(' ', element('small', {}, note))
    const names = columns({}).map(({ label, className = '' }) =>
      element('th', { scope: 'col', className }, label),
    )
    const head = element('thead', {}, element('tr', {}, ...names))
    const table = element('table', { className: 'blocks', id: `${id}-table` }, head, this.#body)
    const list = { className: 'list', role: 'region', 'aria-label': `List of ${name}`, tabindex: '0' }
    this.#section.setAttribute('aria-labelledby', heading.id)
    this.#section.replaceChildren(
      element('div', { className: 'panel-head' }, heading, ...this.#section.children),
      isLong ? element('div', list, table) : table,
      this.#calm,
    )
  }

  render(told) {
    const { rows, columns, keyOf, isShown = () => true } = this.#of
    const all = rows(told)
    renderRows(this.#body, all, keyOf, columns(told))
    this.#calm.hidden = all.length > 0
    this.#section.hidden = !isShown(told)
  }

  /** What is said where there are no rows. */
  set calm(text) {
    setText(this.#calm, text)
  }
}
