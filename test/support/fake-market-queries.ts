import { pointsEach } from '../../pipelines/market/api/limits.ts'
import type {
  Candle,
  Cursor,
  History,
  MarketQueries,
  Side,
  SymbolStats,
  Symbols,
  Tick,
} from '../../pipelines/market/api/market-queries.ts'
import { RivuletError } from '../../src/errors.ts'

export interface FakeTrade {
  readonly symbol: string
  readonly price: number
  readonly volume?: number
  /** Microseconds since the epoch. */
  readonly timestampUs: number
  readonly tradeId?: number
  readonly side?: Side
  /** Default 0; offsets are given in the order of arrival. */
  readonly partition?: number
}

type StoredTrade = Required<FakeTrade> & { readonly offset: number; readonly timestamp: string }

/** `MarketQueries` in memory, written for plainness: the oracle of the SQL. Its faults are scripted by the tests. */
export class FakeMarketQueries implements MarketQueries {
  /** How often each query ran. */
  readonly calls: Record<string, number> = {}
  /** While set, every query fails with it. */
  failure: Error | null = null
  /** While set, every query waits for it. */
  gate: Promise<void> | null = null
  readonly #trades: StoredTrade[] = []
  readonly #end = new Map<number, number>()

  add(...trades: readonly FakeTrade[]): this {
    for (const trade of trades) {
      const partition = trade.partition ?? 0
      const offset = this.#end.get(partition) ?? 0
      this.#end.set(partition, offset + 1)
      this.#trades.push({
        volume: 1,
        side: 'buy',
        tradeId: this.#trades.length + 1,
        ...trade,
        partition,
        offset,
        timestamp: isoOfUs(trade.timestampUs),
      })
    }
    return this
  }

  /** As when the data folder is a new one. */
  clear(): this {
    this.#trades.length = 0
    this.#end.clear()
    return this
  }

  away(): void {
    this.failure = new RivuletError('CLICKHOUSE_UNREACHABLE', 'ClickHouse does not answer', {
      retryable: true,
    })
  }

  back(): void {
    this.failure = null
  }

  position(): Promise<Cursor> {
    return this.#answer('position', () => new Map(this.#end))
  }

  latest(symbols: Symbols) {
    return this.#answer('latest', () =>
      [...bySymbol(this.#inTime(symbols))].map(([symbol, trades]) => {
        const newest = trades.at(-1)!
        return {
          symbol,
          price: newest.price,
          volume: newest.volume,
          last_update: newest.timestamp,
          trade_id: newest.tradeId,
          side: newest.side,
        }
      }),
    )
  }

  history({ pointsMax, ...query }: Parameters<MarketQueries['history']>[0]): Promise<History> {
    return this.#answer('history', () => {
      const trades = this.#asked(query)
      const each = pointsEach(
        pointsMax ?? Number.POSITIVE_INFINITY,
        [...bySymbol(trades).values()].map((of) => of.length),
      )
      return this.#historyOf(thinned(trades, each))
    })
  }

  /** Five points a page. */
  async *historyPages(query: Parameters<MarketQueries['historyPages']>[0]) {
    const trades = this.#asked(query)
    for (let i = 0; i < trades.length; i += 5)
      yield await this.#answer('historyPages', () => this.#historyOf(trades.slice(i, i + 5)))
  }

  candles({ symbols, sinceMs, untilMs, intervalSeconds }: Parameters<MarketQueries['candles']>[0]) {
    return this.#answer('candles', () => {
      const groups = new Map<string, StoredTrade[]>()
      for (const trade of this.#inTime(symbols)) {
        const minuteMs = Math.floor(trade.timestampUs / 60_000_000) * 60_000
        const startMs = Math.floor(minuteMs / (intervalSeconds * 1000)) * intervalSeconds * 1000
        if (untilMs !== null && minuteMs >= untilMs) continue
        if (sinceMs !== null && startMs + intervalSeconds * 1000 <= sinceMs) continue
        const key = `${String(startMs).padStart(16, '0')} ${trade.symbol}`
        groups.set(key, [...(groups.get(key) ?? []), trade])
      }
      return [...groups]
        .sort(([a], [b]) => compare(a, b))
        .map(([key, trades]) => candleOf(Number(key.slice(0, 16)), intervalSeconds, trades))
    })
  }

  recent({ symbols, limit }: Parameters<MarketQueries['recent']>[0]): Promise<Tick[]> {
    return this.#answer('recent', () => this.#inTime(symbols).reverse().slice(0, limit).map(tickOf))
  }

  stats({ symbols, sinceMs }: Parameters<MarketQueries['stats']>[0]): Promise<SymbolStats[]> {
    return this.#answer('stats', () => {
      const trades = this.#inTime(symbols).filter(
        (trade) => sinceMs === null || trade.timestampUs >= sinceMs * 1000,
      )
      return [...bySymbol(trades)].map(([symbol, of]) => ({
        symbol,
        tick_count: of.length,
        min_price: Math.min(...of.map((trade) => trade.price)),
        max_price: Math.max(...of.map((trade) => trade.price)),
        avg_price: sum(of.map((trade) => trade.price)) / of.length,
        total_volume: sum(of.map((trade) => trade.volume)),
      }))
    })
  }

  firstMinutes(symbols: Symbols) {
    return this.#answer('firstMinutes', () =>
      [...bySymbol(this.#inTime(symbols))].map(([symbol, [first]]) => ({
        symbol,
        first_minute: isoOfUs(Math.floor(first!.timestampUs / 60_000_000) * 60_000_000),
      })),
    )
  }

  vwap({ symbols, sinceMs }: Parameters<MarketQueries['vwap']>[0]) {
    return this.#answer('vwap', () => {
      const trades = this.#inTime(symbols).filter(
        ({ timestampUs }) => Math.floor(timestampUs / 60_000_000) * 60_000 >= (sinceMs ?? 0),
      )
      return [...bySymbol(trades)].map(([symbol, of]) => ({
        symbol,
        vwap: sum(of.map(({ price, volume }) => price * volume)) / sum(of.map(({ volume }) => volume)),
      }))
    })
  }

  count(symbols: Symbols): Promise<number> {
    return this.#answer('count', () => this.#inTime(symbols).length)
  }

  symbols(): Promise<string[]> {
    return this.#answer('symbols', () => [...bySymbol(this.#inTime(null)).keys()])
  }

  newestMs(): Promise<number | null> {
    return this.#answer('newestMs', () => {
      const newest = this.#inTime(null).at(-1)
      return newest ? Math.floor(newest.timestampUs / 1000) : null
    })
  }

  ticksAfter(cursor: Cursor, symbols: Symbols, limit: number, until: Cursor | null) {
    return this.#answer('ticksAfter', () => {
      const behind = this.#trades.filter(
        (trade) => isAfter(trade, cursor) && (until === null || !isAfter(trade, until)),
      )
      const wanted = behind
        .filter((trade) => symbols === null || symbols.includes(trade.symbol))
        .slice(0, limit)
      if (wanted.length < limit) return { ticks: wanted.map(tickOf), cursor: new Map(until ?? this.#end) }
      const next = new Map(cursor)
      for (const trade of wanted) next.set(trade.partition, trade.offset + 1)
      return { ticks: wanted.map(tickOf), cursor: next }
    })
  }

  async #answer<T>(name: string, work: () => T): Promise<T> {
    this.calls[name] = (this.calls[name] ?? 0) + 1
    if (this.gate) await this.gate
    if (this.failure) throw this.failure
    return work()
  }

  #asked({ symbols, sinceMs, untilMs, after }: Parameters<MarketQueries['historyPages']>[0]): StoredTrade[] {
    return this.#inTime(symbols).filter(
      (trade) =>
        (sinceMs === null || trade.timestampUs >= sinceMs * 1000) &&
        (untilMs === null || trade.timestampUs < untilMs * 1000) &&
        (after === null || isAfter(trade, after)),
    )
  }

  #historyOf(trades: readonly StoredTrade[]): History {
    return {
      symbols: trades.map((trade) => trade.symbol),
      timestampsUs: trades.map((trade) => trade.timestampUs),
      prices: trades.map((trade) => trade.price),
      cursor: new Map(this.#end),
    }
  }

  /** In order of time, then trade_id, then symbol. */
  #inTime(symbols: Symbols): StoredTrade[] {
    return this.#trades
      .filter((trade) => symbols === null || symbols.includes(trade.symbol))
      .sort((a, b) => a.timestampUs - b.timestampUs || a.tradeId - b.tradeId || compare(a.symbol, b.symbol))
  }
}

export function isoOfUs(timestampUs: number): string {
  const ms = Math.floor(timestampUs / 1000)
  return `${new Date(ms).toISOString().slice(0, -1)}${String(timestampUs - ms * 1000).padStart(3, '0')}Z`
}

function tickOf({ timestamp, symbol, price, volume, side, tradeId }: StoredTrade): Tick {
  return { timestamp, symbol, price, volume, side, trade_id: tradeId }
}

function isAfter(trade: StoredTrade, cursor: Cursor): boolean {
  return trade.offset >= (cursor.get(trade.partition) ?? 0)
}

function bySymbol(trades: readonly StoredTrade[]): Map<string, StoredTrade[]> {
  const groups = new Map<string, StoredTrade[]>()
  for (const symbol of [...new Set(trades.map((trade) => trade.symbol))].sort(compare)) {
    groups.set(
      symbol,
      trades.filter((trade) => trade.symbol === symbol),
    )
  }
  return groups
}

/** First, last, lowest and highest of each of N/4 buckets of equally many points. */
function thinned(trades: readonly StoredTrade[], pointsMax: number): StoredTrade[] {
  const kept = new Set<StoredTrade>()
  for (const of of bySymbol(trades).values()) {
    if (of.length <= pointsMax) for (const trade of of) kept.add(trade)
    const buckets = of.length <= pointsMax ? 0 : Math.max(1, Math.floor(pointsMax / 4))
    for (let i = 0; i < buckets; i++) {
      const bucket = of.slice(
        Math.floor((i * of.length) / buckets),
        Math.floor(((i + 1) * of.length) / buckets),
      )
      const low = bucket.reduce((best, trade) => (trade.price < best.price ? trade : best))
      const high = bucket.reduce((best, trade) => (trade.price > best.price ? trade : best))
      for (const trade of pointsMax < 4 ? [low, high] : [bucket[0]!, low, high, bucket.at(-1)!])
        kept.add(trade)
    }
  }
  return trades.filter((trade) => kept.has(trade))
}

function candleOf(startMs: number, intervalSeconds: number, trades: readonly StoredTrade[]): Candle {
  const prices = trades.map((trade) => trade.price)
  const volume = sum(trades.map((trade) => trade.volume))
  return {
    symbol: trades[0]!.symbol,
    window_start: isoOfUs(startMs * 1000),
    window_end: isoOfUs((startMs + intervalSeconds * 1000) * 1000),
    open: prices[0]!,
    high: Math.max(...prices),
    low: Math.min(...prices),
    close: prices.at(-1)!,
    vwap: sum(trades.map((trade) => trade.price * trade.volume)) / volume,
    avg_price: sum(prices) / prices.length,
    total_volume: volume,
    tick_count: trades.length,
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
