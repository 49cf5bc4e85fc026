// What the columns of a plot's data are behind the times, and how their values are told.

import { formatPrice } from './products.js'
import { formatPercent, formatVolume } from './shared/format.js'

/**
 * A plot shows the `line` of one symbol's prices, its `candles`, or the `changes` of several symbols. `{ name, format }` of
 * each column.
 */
export function columnsOf(kind, symbols) {
  if (kind === 'changes') return symbols.map((name) => ({ name, format: formatPercent }))
  const [symbol] = symbols
  const price = (value) => formatPrice(symbol, value)
  if (kind === 'line') return [{ name: symbol, format: price }]
  return [
    ...['Open', 'High', 'Low', 'Close'].map((name) => ({ name, format: price })),
    { name: 'Volume', format: (volume) => `${formatVolume(volume)} ${symbol}` },
  ]
}

/** What there is a sentence on: each symbol's prices or changes; candles stand for a stretch of them. */
export function linesOf(kind, symbols, data) {
  const columns = columnsOf(kind, symbols)
  const [, , highs, lows] = kind === 'candles' ? data : []
  return symbols.map((name, i) => ({
    ...{ name, values: valuesOf(kind, data, i), format: columns[i].format },
    ...(kind === 'candles' && { lows, highs }),
  }))
}

/** Of a plot's data, the price or change of the `i`-th symbol: of candles, the last price of each. */
export const valuesOf = (kind, data, i) => data[1 + (kind === 'candles' ? 3 : i)]
