import { dayCover, rangeCover } from './cover.js'
import { formatPrice, quoteOf } from './products.js'
import { element, reconcile, setText } from './shared/dom.js'
import { formatMoment, formatPercent, formatShort } from './shared/format.js'
import { createSparkline, renderSparkline } from './sparkline.js'
import { quietMs } from './status.js'

const stillness = matchMedia('(prefers-reduced-motion: reduce)')

/**
 * One card a symbol: price, change and line of the time shown, where the price stands between low and high, volume, and when it
 * was traded last. `nowMs`: in the market's time; `chosen`: the symbol that is shown large.
 */
export function renderCards(list, { latest, day, series, nowMs, chosen }) {
  reconcile(
    list,
    latest,
    ({ symbol }) => symbol,
    ({ symbol }) => createCard(symbol),
    (card, row) => {
      updatePrice(card, row)
      updateChange(card, series.change(row.symbol), series.minutes, nowMs)
      updateDay(card, row, day.get(row.symbol), nowMs)
      updateTraded(card, row, nowMs)
      const points = series.bySymbol.get(row.symbol)
      if (points) renderSparkline(card.querySelector('.sparkline'), points)
      card.querySelector('.choose').setAttribute('aria-pressed', String(row.symbol === chosen))
    },
  )
}

function createCard(symbol) {
  return element(
    'li',
    { className: 'card' },
    element(
      'h3',
      { className: 'card-symbol' },
      element('button', { className: 'choose', type: 'button', title: `Show ${symbol} large` }, symbol),
    ),
    element('span', { className: 'card-change' }),
    element('p', { className: 'card-price' }),
    createSparkline(),
    element(
      'div',
      { className: 'card-range' },
      element('span', { className: 'low' }),
      element('meter', { min: '0', max: '1' }),
      element('span', { className: 'high' }),
    ),
    element(
      'div',
      { className: 'card-foot' },
      cardLine('card-cover', 'card-volume'),
      cardLine('card-traded', 'card-turnover'),
    ),
  )
}

function cardLine(...names) {
  return element('div', { className: 'card-line' }, ...names.map((className) => element('p', { className })))
}

function updatePrice(card, { symbol, price }) {
  const node = card.querySelector('.card-price')
  const before = Number(node.dataset.price ?? price)
  node.dataset.price = price
  setText(node, formatPrice(symbol, price))
  if (price !== before) flash(node, price > before ? 'rose' : 'fell')
}

function updateChange(card, change, minutes, nowMs) {
  const node = card.querySelector('.card-change')
  const ratio = change?.ratio ?? 0
  // What is told as 0.00% points nowhere.
  const direction = Math.abs(ratio) < 0.00005 ? 'same' : ratio > 0 ? 'up' : 'down'
  node.dataset.direction = direction
  const arrow = { up: '▲ ', down: '▼ ', same: '' }[direction]
  const cover = change && rangeCover(minutes, change.since * 1000, nowMs)
  setText(node, change ? `${arrow}${formatPercent(ratio)} ${cover}` : '–')
}

/** Low, high and volume; without any of the last 24 h there are none. */
function updateDay(card, { symbol, price }, stats, nowMs) {
  const cover = stats ? dayCover(Date.parse(stats.since), nowMs) : '24 h'
  const range = card.querySelector('.card-range')
  range.title = `Where the price stands between low and high, ${cover}`
  const meter = card.querySelector('meter')
  meter.setAttribute('aria-label', `${symbol} between low and high, ${cover}`)
  const span = stats ? stats.max_price - stats.min_price : 0
  meter.value = span > 0 ? (price - stats.min_price) / span : 0.5
  setText(card.querySelector('.low'), stats ? formatPrice(symbol, stats.min_price) : '–')
  setText(card.querySelector('.high'), stats ? formatPrice(symbol, stats.max_price) : '–')
  setText(card.querySelector('.card-cover'), `Volume ${cover}`)
  setText(card.querySelector('.card-volume'), stats ? `${formatShort(stats.total_volume)} ${symbol}` : '–')
  const quote = quoteOf(symbol)
  const turnover = stats && quote ? `${formatShort(stats.quote_volume)} ${quote}` : ''
  setText(card.querySelector('.card-turnover'), turnover)
}

function updateTraded(card, { last_update: time }, nowMs) {
  const isQuiet = nowMs - Date.parse(time) >= quietMs
  const node = card.querySelector('.card-traded')
  node.classList.toggle('is-quiet', isQuiet)
  setText(node, `${isQuiet ? 'Quiet since' : 'Traded'} ${formatMoment(Date.parse(time), nowMs)}`)
}

/** By price: how what is behind it fades. Made once, for a new one has the browser find all styles at once. */
const fadings = new WeakMap()

/** Behind the price, and fading by itself: what the browser need not lay out or paint again costs next to nothing. */
function flash(node, name) {
  node.dataset.flash = name
  if (stillness.matches) return
  const known = fadings.get(node)
  if (known) {
    known.currentTime = 0
    known.play()
    return
  }
  const timing = { duration: 900, easing: 'ease-out', pseudoElement: '::before' }
  fadings.set(node, node.animate({ opacity: [1, 0] }, timing))
}
