import { element } from './dom.js'
import { createSummary } from './summary.js'

/**
 * A chart's place: its name, what the cursor reads, the plot, a sentence on it, and its points. `label` says what is plotted,
 * `keys` which ones move it; `overlay` lies over the plot.
 */
export function createFigure({ name, label, keys, overlay = [] }) {
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
    element(
      'div',
      { className: 'plot-frame' },
      element('div', {
        className: 'plot',
        role: 'img',
        'aria-label': label,
        'aria-keyshortcuts': keys,
        'aria-describedby': summaryId,
        tabindex: '0',
      }),
      ...overlay,
    ),
    element('p', { className: 'summary hidden', id: summaryId }),
    createSummary(name),
  )
}
