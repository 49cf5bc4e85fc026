import type { Market } from '../../../pipelines/market/exchange-server/market.ts'
import { candlesTable, type StockTick, ticksTable } from '../../../pipelines/market/tables.ts'
import { symbolOf } from '../../../pipelines/market/trade.ts'
import type { SimulatedClickHouse } from '../../../src/testing/simulation/simulated-clickhouse.ts'
import { closedMinutes, type FoldedCandle } from './candle-fold.ts'

export interface MarketState {
  /** Of different symbols. */
  readonly products: readonly string[]
  /** All that lies on the topic, in its order. */
  readonly ticks: readonly StockTick[]
  readonly exchange: Market
  readonly clickhouse: SimulatedClickHouse | undefined
}

/** What does not hold (yet): every trade on the topic once and in order, as it was made; the same in the tables. */
export function whatIsBroken({ products, ticks, exchange, clickhouse }: MarketState): readonly string[] {
  const rowsOf = (table: string) =>
    (clickhouse?.parts(table) ?? []).flatMap((rows) => rows.map(({ text }) => text.split('\t')))
  return [
    ...products.flatMap((product) =>
      tapeFaults(
        product,
        ticks.filter(({ symbol }) => symbol === symbolOf(product)),
        exchange,
      ),
    ),
    ...differences(
      'ticks',
      ticks.map(tickRow),
      rowsOf(ticksTable.name).map((row) => rowText(row.slice(0, 5))),
    ),
    ...differences(
      'candles',
      closedMinutes(ticks).map(candleRow),
      rowsOf(candlesTable.name).map((row) => rowText(row.slice(0, 11))),
    ),
  ]
}

/** The tape of a product begins with any of its trades, and goes on with each one up to the exchange's newest. */
function tapeFaults(product: string, ticks: readonly StockTick[], exchange: Market): string[] {
  const newestId = exchange.lastTrade(product)?.tradeId ?? 0
  const firstId = ticks[0]?.trade_id ?? newestId
  const at = ticks.findIndex(({ trade_id }, i) => trade_id !== firstId + i)
  if (at > 0) return [`${product}: ${ticks[at]?.trade_id} follows on ${ticks[at - 1]?.trade_id}`]
  const missing = newestId - firstId + 1 - ticks.length
  if (missing !== 0) return [`${product}: ${missing} trades up to ${newestId} are missing`]
  const made = new Map(
    exchange.trades(product, { limit: ticks.length }).map((trade) => [trade.tradeId, trade]),
  )
  const other = ticks.find(({ trade_id, price, volume, timestamp }) => {
    const trade = made.get(trade_id)
    return Number(trade?.price) !== price || Number(trade?.size) !== volume || trade?.time !== timestamp
  })
  return other ? [`${product}: ${other.trade_id} is not what the exchange made`] : []
}

function tickRow({ symbol, price, volume, timestamp, trade_id }: StockTick): string {
  return rowText([symbol, price, volume, timestamp.replace('Z', ''), trade_id].map(String))
}

function candleRow({ symbol, startMs, ticks }: FoldedCandle): string {
  const prices = ticks.map(({ price }) => price)
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0)
  const volume = sum(ticks.map(({ volume }) => volume))
  const inTime = ticks.toSorted((a, b) =>
    a.timestamp === b.timestamp ? a.trade_id - b.trade_id : a.timestamp < b.timestamp ? -1 : 1,
  )
  return rowText(
    [
      symbol,
      ...[startMs, startMs + 60_000].map((ms) => new Date(ms).toISOString().replace('Z', '')),
      sum(ticks.map(({ price, volume }) => price * volume)) / volume,
      sum(prices) / ticks.length,
      Math.min(...prices),
      Math.max(...prices),
      volume,
      ticks.length,
      inTime[0]?.price,
      inTime.at(-1)?.price,
    ].map(String),
  )
}

function rowText(row: readonly string[]): string {
  return row.join(' ')
}

/** Rows may stand in any order, but each as often as it should. */
function differences(what: string, wanted: readonly string[], seen: readonly string[]): string[] {
  const [left, right] = [wanted.toSorted(), seen.toSorted()]
  const at = left.findIndex((row, i) => row !== right[i])
  if (at < 0 && left.length === right.length) return []
  return [
    `${what}: ${right[at < 0 ? left.length : at]} for ${left[at]}; ${right.length} rows for ${left.length}`,
  ]
}
