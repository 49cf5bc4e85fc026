import type { Windowed } from 'rivulet'
import { clickhouseTable } from 'rivulet/clickhouse'

/** The value of topic `stock-ticks`: one trade. */
export interface StockTick {
  readonly symbol: string
  readonly price: number
  /** The trade's size in the base currency, not scaled. */
  readonly volume: number
  /** ISO 8601 in UTC, with microseconds where the exchange gives them. */
  readonly timestamp: string
  readonly trade_id: number
  /** The taker's. */
  readonly side: 'buy' | 'sell'
  readonly exchange: string
}

/** What a minute of one symbol adds up to. */
export interface MinuteCandle {
  readonly open: number
  readonly close: number
  readonly min_price: number
  readonly max_price: number
  readonly vwap: number
  readonly avg_price: number
  readonly total_volume: number
  readonly tick_count: number
}

const price = { type: 'Float64', codec: 'ZSTD(1)' } as const
const time = { type: "DateTime64(6, 'UTC')", codec: 'Delta, ZSTD(1)' } as const
const minute = { type: "DateTime64(3, 'UTC')", codec: 'Delta, ZSTD(1)' } as const

/**
 * Every trade. The projections are what `queries/clickhouse-queries.ts` asks for, word for word: where a query's
 * aggregate differs from the projection's, ClickHouse reads the whole table instead.
 */
export const ticksTable = clickhouseTable('stocks.ticks', {
  columns: {
    symbol: 'LowCardinality(String)',
    price,
    volume: price,
    timestamp: time,
    trade_id: { type: 'UInt64', codec: 'Delta, ZSTD(1)' },
    // Not LowCardinality: equal strings compress as well, and are parsed sooner (inserts took a sixth less).
    side: { type: 'String', codec: 'ZSTD(1)' },
    exchange: { type: 'String', codec: 'ZSTD(1)' },
  },
  orderBy: ['symbol', 'timestamp'],
  projections: {
    latest: 'SELECT symbol, max((timestamp, trade_id, price, volume, side)) GROUP BY symbol',
    minutes: `SELECT symbol, toStartOfMinute(timestamp), min(price), max(price), argMin(timestamp, price),
      argMax(timestamp, price), min((timestamp, trade_id, price)), max((timestamp, trade_id, price)), sum(price),
      sum(volume), count() GROUP BY symbol, toStartOfMinute(timestamp)`,
  },
  row: (tick: StockTick) => tick,
})

/** One row for each symbol and minute that had a trade, written when the minute's window closes. */
export const candlesTable = clickhouseTable('stocks.ticks_1m_agg', {
  columns: {
    symbol: 'LowCardinality(String)',
    window_start: minute,
    window_end: minute,
    vwap: price,
    avg_price: price,
    min_price: price,
    max_price: price,
    total_volume: price,
    tick_count: { type: 'UInt64', codec: 'ZSTD(1)' },
    open: price,
    close: price,
  },
  orderBy: ['symbol', 'window_start'],
  row: (candle: MinuteCandle, { key, startMs, endMs }: Windowed<string>) => ({
    ...candle,
    symbol: key,
    window_start: startMs,
    window_end: endMs,
  }),
})
