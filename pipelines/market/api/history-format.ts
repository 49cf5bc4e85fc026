import { isoOfMicroseconds } from '../iso-time.ts'
import { encodeCursor } from './cursor.ts'
import type { History } from './market-queries.ts'

/** `[{timestamp, symbol, price}]` as JSON. Written by hand: a history may have a million rows, and no object is needed. */
export function historyRows({ symbols, timestampsUs, prices }: History): string {
  const names = new Map<string, string>()
  const rows = prices.map((price, i) => {
    const symbol = symbols[i] ?? ''
    let name = names.get(symbol)
    if (name === undefined) {
      name = JSON.stringify(symbol)
      names.set(symbol, name)
    }
    return `{"timestamp":"${isoOfMicroseconds(timestampsUs[i] ?? 0)}","symbol":${name},"price":${price}}`
  })
  return `[${rows.join(',')}]`
}

/**
 * `{cursor, timestamps, series}` as JSON, ready for uPlot: seconds with fractions, and for each symbol a column that is
 * null where it has no trade. Trades of one time share a row unless they are of one symbol: each keeps its own.
 */
export function historyColumns({ symbols, timestampsUs, prices, cursor }: History): string {
  const timestamps: number[] = []
  const columns = new Map<string, { readonly prices: (number | null)[]; lastRow: number }>()
  for (const [i, timestampUs] of timestampsUs.entries()) {
    const symbol = symbols[i] ?? ''
    let column = columns.get(symbol)
    if (!column) {
      column = { prices: [], lastRow: -1 }
      columns.set(symbol, column)
    }
    const seconds = timestampUs / 1e6
    const sharesRow = timestamps.at(-1) === seconds && column.lastRow < timestamps.length - 1
    if (!sharesRow) timestamps.push(seconds)
    column.lastRow = timestamps.length - 1
    while (column.prices.length < column.lastRow) column.prices.push(null)
    column.prices.push(prices[i] ?? null)
  }
  for (const { prices: column } of columns.values())
    while (column.length < timestamps.length) column.push(null)
  const series = [...columns]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([symbol, column]) => [symbol, column.prices])
  return JSON.stringify({ cursor: encodeCursor(cursor), timestamps, series: Object.fromEntries(series) })
}
