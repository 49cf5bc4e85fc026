import type { ClickHouse } from 'rivulet/clickhouse'
import type { History, HistoryQuery } from '../api/market-queries.ts'
import {
  allOf,
  type Condition,
  minutesCondition,
  rangeCondition,
  spanCondition,
  symbolCondition,
  type TopicRange,
} from './conditions.ts'
import { everyPoint } from './history-query.ts'

/** What is in memory of one answer; a page is made of whole minutes, so it may have one more of those. */
const pagePoints = 10_000

/** Every price of the trades within `range`, in order of time, page by page. */
export async function* historyPages(
  clickhouse: ClickHouse,
  ticks: string,
  { symbols, after, ...span }: Omit<HistoryQuery, 'pointsMax'>,
  range: TopicRange,
): AsyncGenerator<History> {
  const raw = allOf(rangeCondition(range), spanCondition(span), symbolCondition(symbols))
  // As in a thinned history: only a cursor cuts the minutes of the projection.
  const counted = after === null ? minutesCondition(span, symbols) : raw
  for (const { fromS, toS } of await pagesOf(clickhouse, ticks, counted)) {
    const page = {
      sql: 'timestamp >= fromUnixTimestamp64Milli({pageFrom:Int64}) AND timestamp < fromUnixTimestamp64Milli({pageTo:Int64})',
      params: { pageFrom: fromS * 1_000, pageTo: toS * 1_000 },
    }
    yield { ...(await everyPoint(clickhouse, ticks, allOf(raw, page))), cursor: range.to }
  }
}

/** From which minute to which each page goes. */
function pagesOf(clickhouse: ClickHouse, ticks: string, { sql, params }: Condition) {
  return clickhouse.query<{ fromS: number; toS: number }>(
    `SELECT min(minute) AS fromS, max(minute) + 60 AS toS
     FROM (SELECT minute, intDiv(sum(trades) OVER (ORDER BY minute), {pagePoints:UInt32}) AS page
           FROM (SELECT toUnixTimestamp(toStartOfMinute(timestamp)) AS minute, count() AS trades
                 FROM ${ticks} WHERE ${sql} GROUP BY toStartOfMinute(timestamp)))
     GROUP BY page ORDER BY page`,
    { ...params, pagePoints },
  )
}
