import type { Market } from '../../../pipelines/market/exchange-server/market.ts'
import { candlesTable, type StockTick, ticksTable } from '../../../pipelines/market/tables.ts'
import type { SimulatedClickHouse } from '../../../src/testing/simulation/simulated-clickhouse.ts'
import { type FoldedCandle, foldMinutes } from './candle-fold.ts'

/** A record of the topic. */
export interface TapeTick {
  readonly product: string
  readonly tick: StockTick
}

export interface MarketState {
  /** What the exchange trades. */
  readonly listed: readonly string[]
  /** Those of them that are followed to the end. */
  readonly followed: readonly string[]
  /** All that lies on the topic, in its order. */
  readonly ticks: readonly TapeTick[]
  readonly exchange: Market
  readonly clickhouse: SimulatedClickHouse | undefined
  /** Whether no trade may be late. */
  readonly isTimely: boolean
}

const tooLate = 'comes when its minute is closed'
const passedOver = 'follows on'

/** What does not hold (yet): every trade on the topic once and in order, as it was made, and in time; the same in the tables. */
export function whatIsBroken(state: MarketState): readonly string[] {
  const { listed, clickhouse, isTimely } = state
  const ticks = state.ticks.map(({ tick }) => tick)
  const { candles, late } = foldMinutes(ticks)
  const rowsOf = (table: string, columns: string) =>
    (clickhouse?.parts(table) ?? []).flatMap((rows) => rows.map(({ own }) => rowText(valuesIn(own, columns))))
  return [
    ...(isTimely ? late : []).map(
      ({ symbol, trade_id, timestamp }) => `${symbol}: ${trade_id} of ${timestamp} ${tooLate}`,
    ),
    ...listed.flatMap((product) => tapeFaults(product, state)),
    ...differences('ticks', ticks.map(tickRow), rowsOf(ticksTable.name, 'sddtu')),
    ...differences('candles', candles.map(candleRow), rowsOf(candlesTable.name, 'smmdddddudd')),
  ]
}

/** What comes too late, or was passed over, no waiting mends. */
export function isForGood(broken: string): boolean {
  return broken.includes(tooLate) || broken.includes(passedOver)
}

/** The tape of a product begins with any of its trades, and goes on with each one up to the exchange's newest. */
function tapeFaults(product: string, { ticks: all, followed, exchange }: MarketState): string[] {
  const ticks = all.filter((each) => each.product === product).map(({ tick }) => tick)
  const newestId = exchange.lastTrade(product)?.tradeId ?? 0
  const firstId = ticks[0]?.trade_id ?? newestId + 1
  const at = ticks.findIndex(({ trade_id }, i) => trade_id !== firstId + i)
  if (at > 0) return [`${product}: ${ticks[at]?.trade_id} ${passedOver} ${ticks[at - 1]?.trade_id}`]
  const missing = newestId - firstId + 1 - ticks.length
  if (followed.includes(product) && (missing !== 0 || ticks.length === 0))
    return [`${product}: ${missing} trades up to ${newestId} are missing`]
  const made = new Map(
    exchange.trades(product, { limit: newestId - firstId + 1 }).map((each) => [each.tradeId, each]),
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

/** The first values of a row, by letters: strings, doubles, unsigned integers, and times in micro- and milliseconds. */
function valuesIn(row: Buffer, columns: string): string[] {
  let at = 0
  const eight = () => {
    at += 8
    return at - 8
  }
  const read: Readonly<Record<string, () => string>> = {
    s: () => {
      const length = row[at++] as number
      at += length
      return row.toString('utf8', at - length, at)
    },
    d: () => String(row.readDoubleLE(eight())),
    u: () => String(row.readBigUInt64LE(eight())),
    t: () => microsText(row.readBigInt64LE(eight())),
    m: () => microsText(1_000n * row.readBigInt64LE(eight())).slice(0, -3),
  }
  return [...columns].map((column) => read[column]?.() ?? '')
}

function microsText(micros: bigint): string {
  const text = new Date(Number(micros / 1_000n)).toISOString().slice(0, -1)
  return `${text}${String(micros % 1_000n).padStart(3, '0')}`
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
