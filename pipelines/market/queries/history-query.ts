import type { ClickHouse } from 'rivulet/clickhouse'
import { pointsAltogether, pointsEach, pointsMost } from '../api/limits.ts'
import type { History, HistoryQuery, TimeSpan } from '../api/market-queries.ts'
import {
  allOf,
  type Condition,
  minutesCondition,
  rangeCondition,
  spanCondition,
  startOfMinute,
  symbolCondition,
  type TopicRange,
} from './conditions.ts'

interface Point {
  readonly symbol: string
  readonly timestampUs: number
  readonly price: number
}

/** What is the first, lowest, highest and last of a stretch of one symbol's prices. */
interface Extremes {
  readonly symbol: string
  readonly first: [timestampUs: number, trade_id: number, price: number]
  readonly low: number
  readonly lowUs: number
  readonly high: number
  readonly highUs: number
  readonly last: [timestampUs: number, trade_id: number, price: number]
}

const pointsPerBucket = 4
/** Later than any trade, and still a time for ClickHouse. */
const endOfTimeMs = Date.UTC(2200, 0)
/** Buckets that could be as short as this are made of whole minutes all the same: fewer points, much sooner. */
const minutesWorthS = 20

/**
 * Prices in order of time, of the trades within `range`. With `pointsMax`, a symbol that has more is cut into buckets of
 * equal time, and each gives its first, lowest, highest and last price. Where whole minutes are long enough for that,
 * they may hold a trade beyond `range` that came in at this moment: the next history brings it once more.
 */
export async function historyQuery(
  clickhouse: ClickHouse,
  ticks: string,
  { symbols, after, pointsMax, ...span }: HistoryQuery,
  range: TopicRange,
): Promise<History> {
  const raw = allOf(rangeCondition(range), spanCondition(span), symbolCondition(symbols))
  if (pointsMax === null) {
    const whole = await everyPoint(clickhouse, ticks, raw, pointsMost + 1)
    if (whole.prices.length <= pointsAltogether(new Set(whole.symbols).size))
      return { ...whole, cursor: range.to }
  }

  // Without a cursor, the minutes of the projection tell what there is; a cursor cuts minutes, but reads little.
  const counted = after === null ? minutesCondition(span, symbols) : raw
  const spans = await clickhouse.query<{ symbol: string; trades: number; fromS: number; toS: number }>(
    `SELECT symbol, count() AS trades, toUnixTimestamp(min(toStartOfMinute(timestamp))) AS fromS,
       toUnixTimestamp(max(toStartOfMinute(timestamp))) + 60 AS toS
     FROM ${ticks} WHERE ${counted.sql} GROUP BY symbol`,
    counted.params,
  )
  const each = pointsEach(
    pointsMax ?? Number.POSITIVE_INFINITY,
    spans.map((span) => span.trades),
  )
  const many = spans.filter((span) => span.trades > each)
  const few = spans.filter((span) => span.trades <= each).map((span) => span.symbol)
  const whole =
    few.length === 0
      ? { symbols: [], timestampsUs: [], prices: [] }
      : await everyPoint(clickhouse, ticks, allOf(raw, symbolCondition(few)))
  if (many.length === 0) return { ...whole, cursor: range.to }

  const bucketsMax = Math.max(1, Math.floor(each / pointsPerBucket))
  const fromS = Math.max(Math.min(...many.map((span) => span.fromS)), Math.floor((span.sinceMs ?? 0) / 1000))
  const toS = Math.min(
    Math.max(...many.map((span) => span.toS)),
    Math.ceil((span.untilMs ?? Number.POSITIVE_INFINITY) / 1000),
  )
  const bucketS = (toS - fromS) / bucketsMax
  const chosenMany = many.map((span) => span.symbol)
  const extremes =
    after === null && bucketS >= minutesWorthS
      ? await extremesOfMinutes(clickhouse, ticks, span, chosenMany, { fromS, toS, bucketsMax })
      : await extremesOfTrades(clickhouse, ticks, allOf(raw, symbolCondition(chosenMany)), fromS, bucketS)
  return { ...merged(pointsOf(extremes), whole), cursor: range.to }
}

/** The first so many points of them. */
export async function everyPoint(
  clickhouse: ClickHouse,
  ticks: string,
  { sql, params }: Condition,
  pointsMax = Number.MAX_SAFE_INTEGER,
): Promise<Omit<History, 'cursor'>> {
  const { symbol, us, price } = await clickhouse.queryColumns<{ symbol: string; us: number; price: number }>(
    `SELECT symbol, toUnixTimestamp64Micro(timestamp) AS us, price FROM ${ticks} WHERE ${sql}
     ORDER BY timestamp, trade_id, symbol LIMIT {pointsMax:UInt64}`,
    { ...params, pointsMax },
  )
  return { symbols: symbol, timestampsUs: us, prices: price }
}

/** Buckets of whole minutes, out of the projection `minutes`; the minutes that the span cuts, out of their trades. */
function extremesOfMinutes(
  clickhouse: ClickHouse,
  ticks: string,
  span: TimeSpan,
  symbols: readonly string[],
  { fromS, toS, bucketsMax }: { fromS: number; toS: number; bucketsMax: number },
): Promise<Extremes[]> {
  const firstMinute = Math.floor(fromS / 60)
  const bucketMinutes = Math.ceil((toS / 60 - firstMinute) / bucketsMax)
  const columns = `symbol, toStartOfMinute(timestamp) AS minute, min(price) AS low, max(price) AS high,
    argMin(timestamp, price) AS lowAt, argMax(timestamp, price) AS highAt,
    min((timestamp, trade_id, price)) AS first, max((timestamp, trade_id, price)) AS last`
  const whole = {
    sinceMs: span.sinceMs === null ? null : Math.ceil(span.sinceMs / 60_000) * 60_000,
    untilMs: span.untilMs === null ? null : startOfMinute(span.untilMs),
  }
  const minutes = minutesCondition(whole, symbols)
  const cut = allOf(
    spanCondition(span),
    {
      sql: '(timestamp < fromUnixTimestamp64Milli({wholeFrom:Int64}) OR timestamp >= fromUnixTimestamp64Milli({wholeTo:Int64}))',
      params: { wholeFrom: whole.sinceMs ?? 0, wholeTo: whole.untilMs ?? endOfTimeMs },
    },
    symbolCondition(symbols),
  )
  const isCut = span.sinceMs !== null || span.untilMs !== null
  const select = ({ sql }: Condition) =>
    `SELECT ${columns} FROM ${ticks} WHERE ${sql} GROUP BY symbol, toStartOfMinute(timestamp)`
  return clickhouse.query<Extremes>(
    `SELECT symbol, (toUnixTimestamp64Micro(min(m.first).1), min(m.first).2, min(m.first).3) AS first,
       min(m.low) AS low, toUnixTimestamp64Micro(argMin(m.lowAt, m.low)) AS lowUs,
       max(m.high) AS high, toUnixTimestamp64Micro(argMax(m.highAt, m.high)) AS highUs,
       (toUnixTimestamp64Micro(max(m.last).1), max(m.last).2, max(m.last).3) AS last
     FROM (${select(minutes)} ${isCut ? `UNION ALL ${select(cut)}` : ''}) AS m
     GROUP BY symbol, intDiv(intDiv(toUnixTimestamp(minute), 60) - {firstMinute:UInt32}, {bucketMinutes:UInt32})`,
    { ...minutes.params, ...(isCut && cut.params), firstMinute, bucketMinutes },
  )
}

function extremesOfTrades(
  clickhouse: ClickHouse,
  ticks: string,
  { sql, params }: Condition,
  fromS: number,
  bucketS: number,
): Promise<Extremes[]> {
  return clickhouse.query<Extremes>(
    `SELECT symbol, (toUnixTimestamp64Micro(min((t.timestamp, t.trade_id)).1), 0, argMin(t.price, (t.timestamp, t.trade_id))) AS first,
       min(t.price) AS low, toUnixTimestamp64Micro(argMin(t.timestamp, t.price)) AS lowUs,
       max(t.price) AS high, toUnixTimestamp64Micro(argMax(t.timestamp, t.price)) AS highUs,
       (toUnixTimestamp64Micro(max((t.timestamp, t.trade_id)).1), 0, argMax(t.price, (t.timestamp, t.trade_id))) AS last
     FROM ${ticks} AS t WHERE ${sql}
     GROUP BY symbol, intDiv(toUnixTimestamp64Micro(t.timestamp) - {fromUs:Int64}, {bucketUs:Int64})`,
    { ...params, fromUs: fromS * 1_000_000, bucketUs: Math.max(1, Math.ceil(bucketS * 1_000_000)) },
  )
}

/** Each point once, although the first may be the lowest, too. Among equal times the bucket's last comes last. */
function pointsOf(extremes: readonly Extremes[]): Point[] {
  return extremes.flatMap(({ symbol, first, low, lowUs, high, highUs, last }) => {
    const points: Point[] = []
    const add = (timestampUs: number, price: number) => {
      if (!points.some((point) => point.timestampUs === timestampUs && point.price === price)) {
        points.push({ symbol, timestampUs, price })
      }
    }
    const isLast = (us: number, price: number) => us === last[0] && price === last[2]
    if (!isLast(first[0], first[2])) add(first[0], first[2])
    if (!isLast(lowUs, low)) add(lowUs, low)
    if (!isLast(highUs, high)) add(highUs, high)
    add(last[0], last[2])
    return points
  })
}

function merged(points: Point[], whole: Omit<History, 'cursor'>): Omit<History, 'cursor'> {
  const all = points.concat(
    whole.symbols.map((symbol, i) => ({
      symbol,
      timestampUs: whole.timestampsUs[i] as number,
      price: whole.prices[i] as number,
    })),
  )
  all.sort((a, b) => a.timestampUs - b.timestampUs)
  return {
    symbols: all.map((point) => point.symbol),
    timestampsUs: all.map((point) => point.timestampUs),
    prices: all.map((point) => point.price),
  }
}
