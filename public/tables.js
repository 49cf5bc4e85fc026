import { dayCover } from './cover.js'
import { formatPrice } from './products.js'
import { element, reconcile, setText } from './shared/dom.js'
import { formatCount, formatSize, formatTradeTime, formatVolume } from './shared/format.js'
import { renderRows } from './shared/rows.js'

const number = 'number'

/** `cover` says what all of it covers: what that symbol does which is known for longest. */
export function renderStats(body, cover, { stats, nowMs }) {
  if (stats.length > 0) {
    const day = dayCover(Math.min(...stats.map(({ since }) => Date.parse(since))), nowMs)
    setText(cover, day === '24 h' ? 'last 24 h' : day)
  }
  renderRows(body, stats, ({ symbol }) => symbol, [
    { label: 'Symbol', header: true, text: ({ symbol }) => symbol },
    { label: 'Low', className: number, text: (row) => formatPrice(row.symbol, row.min_price) },
    { label: 'Average', className: number, text: (row) => formatPrice(row.symbol, row.avg_price) },
    { label: 'High', className: number, text: (row) => formatPrice(row.symbol, row.max_price) },
    {
      label: 'Volume',
      className: number,
      text: (row) => `${formatVolume(row.total_volume)} ${row.symbol}`,
    },
    { label: 'Trades', className: number, text: (row) => formatCount(row.tick_count) },
  ])
}

export function renderRecent(body, { recent, nowMs }) {
  const rows = recent.map((trade, row) => ({ ...trade, row }))
  // The n-th trade in the n-th row: rows that moved would move all that is below them.
  renderRows(body, rows, ({ row }) => String(row), [
    { label: 'Time', text: (trade) => formatTradeTime(trade.timestamp, nowMs) },
    { label: 'Symbol', header: true, text: ({ symbol }) => symbol },
    {
      label: 'Side',
      text: ({ side }) => (side === 'buy' ? '▲ Buy' : '▼ Sell'),
      tone: ({ side }) => (side === 'buy' ? 'up' : 'down'),
    },
    { label: 'Price', className: number, text: (trade) => formatPrice(trade.symbol, trade.price) },
    { label: 'Size', className: number, text: ({ volume }) => formatSize(volume) },
  ])
}

const counterNames = [
  ['gaps', 'Trades missed'],
  ['backfilled', 'Backfilled'],
  ['late', 'Late'],
  ['dead_letters', 'Dead letters'],
]

/** Total, and how the pipeline fares: what was missed, repaired, late or unreadable, and what is still on its way. */
export function renderFigures(list, { count, lag, counters }) {
  const figures = [
    ['Trades stored', count],
    ['On their way', lag],
    ...counterNames.map(([name, label]) => [label, counters[name] ?? 0]),
  ]
  reconcile(
    list,
    figures,
    ([label]) => label,
    ([label]) => element('div', {}, element('dt', {}, label), element('dd')),
    (figure, [, value]) => setText(figure.lastChild, formatCount(value)),
  )
}
