import type { ClickHouse } from 'rivulet/clickhouse'
import { candlesMost } from '../api/limits.ts'
import type {
  Candle,
  CandlesQuery,
  Cursor,
  FirstMinute,
  History,
  HistoryQuery,
  LatestPrice,
  MarketQueries,
  Side,
  SymbolStats,
  Symbols,
  SymbolVwap,
  Tick,
} from '../api/market-queries.ts'
import { historyPages } from './history-pages.ts'
import { historyQuery } from './history-query.ts'
import { chosen, symbolParams } from './symbol-filter.ts'

export interface MarketTables {
  readonly clickhouse: ClickHouse
  /** `database.table` without the prefix, as in `pipelines/tables.ts`. */
  readonly ticks: string
  readonly candles: string
  /** Where the ticks come from: cursors are offsets in it. */
  readonly topic: string
}

/**
 * The API's questions in SQL. An aggregate that a projection of the table has too, word for word, costs milliseconds
 * at any size; each query below says so where it counts on it.
 */
export function clickhouseQueries({ clickhouse, topic, ...names }: MarketTables): MarketQueries {
  const ticks = clickhouse.tableName(names.ticks)
  const minutes = clickhouse.tableName(names.candles)

  /** Projection `resume`. */
  async function position(): Promise<Cursor> {
    const rows = await clickhouse.query<{ partition: number; last: [number, number, number] }>(
      `SELECT _partition AS partition, max((_offset, _from, _to)) AS last FROM ${ticks}
       WHERE _topic = {topic:String} GROUP BY _topic, _partition`,
      { topic },
    )
    return new Map(rows.map((row) => [row.partition, row.last[2] + 1]))
  }

  /** Projection `latest`. */
  async function latest(symbols: Symbols): Promise<LatestPrice[]> {
    const rows = await clickhouse.query<{ symbol: string; last: [string, number, number, number, Side] }>(
      `SELECT symbol, max((timestamp, trade_id, price, volume, side)) AS last FROM ${ticks}
       WHERE ${chosen(symbols)} GROUP BY symbol ORDER BY symbol`,
      symbolParams(symbols),
    )
    return rows.map(({ symbol, last: [last_update, trade_id, price, volume, side] }) => ({
      symbol,
      price,
      volume,
      last_update,
      trade_id,
      side,
    }))
  }

  /** Projection `latest`. */
  async function newest(): Promise<number | null> {
    const times = (await latest(null)).map((row) => Date.parse(row.last_update))
    return times.length === 0 ? null : Math.max(...times)
  }

  return {
    position,
    latest,

    async history(query: HistoryQuery): Promise<History> {
      // Taken first: what comes in meanwhile is behind it, is left out below, and is found by the next call.
      const cursor = await position()
      return historyQuery(clickhouse, ticks, query, { topic, from: query.after ?? new Map(), to: cursor })
    },

    async *historyPages(query) {
      const cursor = await position()
      yield* historyPages(clickhouse, ticks, query, { topic, from: query.after ?? new Map(), to: cursor })
    },

    async candles({ symbols, sinceMs, untilMs, intervalSeconds }: CandlesQuery): Promise<Candle[]> {
      const bounds = [
        chosen(symbols),
        ...(sinceMs === null ? [] : ['bucket > {since:Int64} - {interval:Int64}']),
        ...(untilMs === null ? [] : ['window_start < fromUnixTimestamp64Milli({until:Int64})']),
      ]
      const newestFirst = await clickhouse.query<Candle>(
        `SELECT symbol, ${isoOfMs('bucket')} AS window_start, ${isoOfMs('bucket + {interval:Int64}')} AS window_end,
           argMin(m.open, m.window_start) AS open, max(max_price) AS high, min(min_price) AS low,
           argMax(m.close, m.window_start) AS close, sum(m.vwap * m.total_volume) / sum(m.total_volume) AS vwap,
           sum(m.avg_price * m.tick_count) / sum(m.tick_count) AS avg_price,
           sum(m.total_volume) AS total_volume, sum(m.tick_count) AS tick_count
         FROM (SELECT *, intDiv(toUnixTimestamp64Milli(window_start), {interval:Int64}) * {interval:Int64} AS bucket
               FROM ${minutes} WHERE ${bounds.join(' AND ')}) AS m
         GROUP BY symbol, bucket ORDER BY bucket DESC, symbol DESC LIMIT {candlesMost:UInt32}`,
        {
          candlesMost,
          ...symbolParams(symbols),
          interval: intervalSeconds * 1000,
          ...(sinceMs !== null && { since: Math.floor(sinceMs) }),
          ...(untilMs !== null && { until: Math.ceil(untilMs) }),
        },
      )
      return newestFirst.reverse()
    },

    async recent({ symbols, limit }): Promise<Tick[]> {
      const newestMs = await newest()
      // The table is in the order of symbols, so the newest trades of all are looked for in a short time first.
      for (const spanMs of recentSpansMs) {
        const rows = await clickhouse.query<Tick>(
          `SELECT ${tickColumns} FROM ${ticks} AS t
           WHERE ${chosen(symbols)} AND t.timestamp >= fromUnixTimestamp64Milli({since:Int64})
           ORDER BY t.timestamp DESC, trade_id DESC LIMIT {limit:UInt32}`,
          { ...symbolParams(symbols), limit, since: Math.max(0, (newestMs ?? 0) - spanMs) },
        )
        if (rows.length === limit || spanMs > (newestMs ?? 0)) return rows
      }
      return []
    },

    /** Projection `minutes`, and the raw trades of the minute that is cut. */
    stats({ symbols, sinceMs }): Promise<SymbolStats[]> {
      const whole =
        sinceMs === null ? '' : 'AND toStartOfMinute(timestamp) >= fromUnixTimestamp64Milli({whole:Int64})'
      const cut = `UNION ALL SELECT symbol, count(), min(price), max(price), sum(price), sum(volume) FROM ${ticks}
        WHERE ${chosen(symbols)} AND timestamp >= fromUnixTimestamp64Micro({since:Int64})
          AND timestamp < fromUnixTimestamp64Milli({whole:Int64}) GROUP BY symbol`
      return clickhouse.query<SymbolStats>(
        `SELECT symbol, sum(trades) AS tick_count, min(lowest) AS min_price, max(highest) AS max_price,
           sum(prices) / sum(trades) AS avg_price, sum(volumes) AS total_volume
         FROM (SELECT symbol, count() AS trades, min(price) AS lowest, max(price) AS highest, sum(price) AS prices,
                 sum(volume) AS volumes FROM ${ticks} WHERE ${chosen(symbols)} ${whole} GROUP BY symbol
               ${sinceMs === null ? '' : cut})
         GROUP BY symbol ORDER BY symbol`,
        {
          ...symbolParams(symbols),
          ...(sinceMs !== null && {
            since: Math.ceil(sinceMs * 1000),
            whole: Math.ceil(sinceMs / 60_000) * 60_000,
          }),
        },
      )
    },

    /** Projection `minutes`. */
    firstMinutes(symbols: Symbols): Promise<FirstMinute[]> {
      return clickhouse.query<FirstMinute>(
        `SELECT symbol, toDateTime64(toStartOfMinute(min((timestamp, trade_id, price)).1), 6, 'UTC') AS first_minute
         FROM ${ticks} WHERE ${chosen(symbols)} GROUP BY symbol ORDER BY symbol`,
        symbolParams(symbols),
      )
    },

    vwap({ symbols, sinceMs }): Promise<SymbolVwap[]> {
      return clickhouse.query<SymbolVwap>(
        `SELECT symbol, sum(m.vwap * m.total_volume) / sum(m.total_volume) AS vwap FROM ${minutes} AS m
         WHERE ${chosen(symbols)} AND window_start >= fromUnixTimestamp64Milli({since:Int64})
         GROUP BY symbol ORDER BY symbol`,
        { ...symbolParams(symbols), since: Math.ceil(sinceMs ?? 0) },
      )
    },

    /** Projection `minutes`. */
    async count(symbols: Symbols): Promise<number> {
      const rows = await clickhouse.query<{ trades: number }>(
        `SELECT count() AS trades FROM ${ticks} WHERE ${chosen(symbols)} GROUP BY symbol`,
        symbolParams(symbols),
      )
      return rows.reduce((sum, row) => sum + row.trades, 0)
    },

    symbols: async () => (await latest(null)).map((row) => row.symbol),

    newestMs: newest,

    async ticksAfter(cursor, symbols, limit, until) {
      const end = until ?? (await position())
      const next = new Map(cursor)
      const found: Tick[] = []
      // A partition at a time: each is in the order of its offsets, and so is resumed exactly.
      for (const [partition, to] of end) {
        const from = cursor.get(partition) ?? 0
        const left = limit - found.length
        if (left === 0) break
        if (from >= to) continue
        const rows = await clickhouse.query<Tick & { offset: number }>(
          `SELECT ${tickColumns}, _offset AS offset FROM ${ticks} AS t
           WHERE ${chosen(symbols)} AND _topic = {topic:String} AND _partition = {partition:UInt16}
             AND _offset >= {from:UInt64} AND _offset < {to:UInt64}
           ORDER BY _offset LIMIT {left:UInt32}`,
          { ...symbolParams(symbols), topic, partition, from, to, left },
        )
        for (const { offset: _, ...tick } of rows) found.push(tick)
        const last = rows.at(-1)
        next.set(partition, last && rows.length === left ? last.offset + 1 : to)
      }
      return { ticks: found, cursor: next }
    },
  }
}

/** Ten minutes, six hours, all of it (before 1970 there are no trades). */
const recentSpansMs = [600_000, 21_600_000, Number.MAX_SAFE_INTEGER]

const tickColumns = 't.timestamp AS timestamp, symbol, price, volume, side, trade_id'

/** Milliseconds as ISO 8601 with microseconds, as all times of the API. */
function isoOfMs(expression: string): string {
  return `toDateTime64(fromUnixTimestamp64Milli(${expression}, 'UTC'), 6, 'UTC')`
}
