import { element, reconcile, setText } from './dom.js'
import { formatPercent, formatPrice, formatVolume } from './format.js'

/** One card a symbol: price, change in the time shown, where the price stands in the day's range, volume. */
export function renderCards(list, { latest, stats, changeOf, rangeName }) {
  const statsOf = new Map(stats.map((row) => [row.symbol, row]))
  reconcile(
    list,
    latest,
    ({ symbol }) => symbol,
    ({ symbol }) => createCard(symbol),
    (card, { symbol, price }) =>
      updateCard(card, symbol, price, statsOf.get(symbol), changeOf(symbol), rangeName),
  )
}

function createCard(symbol) {
  return element(
    'li',
    { className: 'card' },
    element('h3', { className: 'card-symbol' }, symbol),
    element('span', { className: 'card-change' }),
    element('p', { className: 'card-price' }),
    element(
      'div',
      {
        className: 'card-range',
        title: 'Where the price stands between the low and the high of the last 24 h',
      },
      element('span', { className: 'low' }),
      meter(),
      element('span', { className: 'high' }),
    ),
    element('p', { className: 'card-volume' }),
  )
}

function meter() {
  return element('meter', { min: '0', max: '1', 'aria-label': 'Place in the range of the last 24 h' })
}

function updateCard(card, symbol, price, stats, change, rangeName) {
  const priceNode = card.querySelector('.card-price')
  const before = Number(priceNode.dataset.price ?? price)
  priceNode.dataset.price = price
  setText(priceNode, formatPrice(symbol, price))
  if (price !== before) flash(priceNode, price > before ? 'rose' : 'fell')

  const changeNode = card.querySelector('.card-change')
  const direction = change === null || change === 0 ? 'same' : change > 0 ? 'up' : 'down'
  changeNode.dataset.direction = direction
  const arrow = { up: '▲ ', down: '▼ ', same: '' }[direction]
  setText(changeNode, change === null ? '–' : `${arrow}${formatPercent(change)} ${rangeName}`)

  setText(card.querySelector('.low'), stats ? formatPrice(symbol, stats.min_price) : '–')
  setText(card.querySelector('.high'), stats ? formatPrice(symbol, stats.max_price) : '–')
  const span = stats ? stats.max_price - stats.min_price : 0
  card.querySelector('meter').value = span > 0 ? (price - stats.min_price) / span : 0.5
  setText(card.querySelector('.card-volume'), `24 h volume ${stats ? formatVolume(stats.total_volume) : '–'}`)
}

/** Restarts the animation: a second change in a row flashes again. */
function flash(node, name) {
  node.classList.remove('rose', 'fell')
  void node.offsetWidth
  node.classList.add(name)
}
