/**
 * What the API asks of the market's tables. Implemented on ClickHouse in `src/clickhouse/`, and in memory in
 * `test/support/fake-market-queries.ts`, which is the oracle of the SQL.
 *
 * Names and times of the rows are those of the HTTP answers: snake case, ISO 8601 in UTC with six digits of a second
 * (`2026-01-31T18:41:18.123456Z`). A symbol nobody traded is absent. Among equal times the larger `trade_id` is the
 * later. Every call rejects with a `RivuletError`: `CLICKHOUSE_UNREACHABLE` or `TIMED_OUT` (retryable) become a 503.
 */
export interface MarketQueries {
  /**
   * Where the table of ticks ends. Cheap (it is asked before every answer): while it is unchanged, so are the answers
   * of every query below but `candles` and `vwap`, for the same arguments.
   */
  position(): Promise<Cursor>
  /** The newest trade of each symbol, sorted by symbol. */
  latest(symbols: Symbols): Promise<LatestPrice[]>
  /** Prices in order of time (then trade_id, then symbol); thinned to what `pointsEach` leaves each symbol. */
  history(query: HistoryQuery): Promise<History>
  /** Every point of the same, in pages that follow each other in time; each is read when it is asked for. */
  historyPages(query: Omit<HistoryQuery, 'pointsMax'>): AsyncIterable<History>
  /**
   * Candles in order of `window_start`, then symbol; from the table of minutes, merged to the interval. Of more than
   * `candlesMost`, the newest.
   */
  candles(query: CandlesQuery): Promise<Candle[]>
  /** The newest trades over all the symbols asked for, newest first; `limit` in rows. */
  recent(query: { readonly symbols: Symbols; readonly limit: number }): Promise<Tick[]>
  /** Sorted by symbol, unrounded. */
  stats(query: { readonly symbols: Symbols; readonly sinceMs: number | null }): Promise<SymbolStats[]>
  /** The minute of each symbol's first trade, sorted by symbol. */
  firstMinutes(symbols: Symbols): Promise<FirstMinute[]>
  /** Over the candles that begin at or after the time, sorted by symbol. */
  vwap(query: { readonly symbols: Symbols; readonly sinceMs: number | null }): Promise<SymbolVwap[]>
  /** How many trades the table holds. */
  count(symbols: Symbols): Promise<number>
  /** Every symbol that has a trade, sorted. */
  symbols(): Promise<string[]>
  /** The time of the newest trade, ms since the epoch (rounded down); null: there is none. */
  newestMs(): Promise<number | null>
  /**
   * At most `limit` trades behind `cursor`, and the cursor behind the last of them (behind everything looked at, when
   * fewer than `limit` came: then it is `until`, where that is given). Each partition's in the order of its offsets;
   * partitions may interleave in any way. `until` is exclusive, as every cursor; null = to the end.
   */
  ticksAfter(
    cursor: Cursor,
    symbols: Symbols,
    limit: number,
    until: Cursor | null,
  ): Promise<{ readonly ticks: Tick[]; readonly cursor: Cursor }>
}

/** Which symbols to answer for, unknown ones among them; null = all. Exact names, never empty, at most 100. */
export type Symbols = readonly string[] | null

/**
 * A position in the topic: for each partition the offset to go on from, the end being exclusive. A partition that is
 * absent is read from its start. Outside of the process it is an opaque string (`cursor.ts`).
 */
export type Cursor = ReadonlyMap<number, number>

export type Side = 'buy' | 'sell'

export interface LatestPrice {
  readonly symbol: string
  readonly price: number
  readonly volume: number
  readonly last_update: string
  readonly trade_id: number
  readonly side: Side
}

export interface Tick {
  readonly timestamp: string
  readonly symbol: string
  readonly price: number
  readonly volume: number
  readonly side: Side
  readonly trade_id: number
}

/** Ms since the epoch, from one time to before the other. */
export interface TimeSpan {
  /** Null = from the first trade. */
  readonly sinceMs: number | null
  /** Null = to the last trade. */
  readonly untilMs: number | null
}

/** Only trades within the span. */
export interface HistoryQuery extends TimeSpan {
  readonly symbols: Symbols
  /** Only trades behind this position; null = from the first. */
  readonly after: Cursor | null
  /**
   * At most so many points of each symbol, its lowest and highest price among them, and from 4 on its first and last
   * point; null = every point, if there is room for them. At least 2.
   */
  readonly pointsMax: number | null
}

/** Prices in columns, all equally long; a history may have millions of rows. */
export interface History {
  readonly symbols: readonly string[]
  /** Microseconds since the epoch. */
  readonly timestampsUs: readonly number[]
  readonly prices: readonly number[]
  /** Behind everything that was looked at, of other symbols too: give it as `after` to get only what is newer. */
  readonly cursor: Cursor
}

export interface CandlesQuery {
  readonly symbols: Symbols
  /** Only candles whose window ends after this time, ms since the epoch; null = from the first. */
  readonly sinceMs: number | null
  /** Only of minutes that begin before this time, ms since the epoch; null = to the last. */
  readonly untilMs: number | null
  /** A multiple of 60; windows are aligned to the epoch. */
  readonly intervalSeconds: number
}

export interface Candle {
  readonly symbol: string
  readonly window_start: string
  readonly window_end: string
  readonly open: number
  readonly high: number
  readonly low: number
  readonly close: number
  readonly vwap: number
  readonly avg_price: number
  readonly total_volume: number
  readonly tick_count: number
}

export interface SymbolStats {
  readonly symbol: string
  readonly tick_count: number
  readonly min_price: number
  readonly max_price: number
  readonly avg_price: number
  readonly total_volume: number
}

export interface FirstMinute {
  readonly symbol: string
  readonly first_minute: string
}

/** The volume-weighted average price. */
export interface SymbolVwap {
  readonly symbol: string
  readonly vwap: number
}
