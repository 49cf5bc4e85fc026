import type { Clock } from 'rivulet'
import type { channelNames } from '../coinbase/subscription.ts'
import type { Side } from '../trade.ts'

export type Channel = (typeof channelNames)[number]

/** A trade as an exchange has it: decimal strings, and the maker's side. */
export interface ExchangeTrade {
  readonly product: string
  readonly tradeId: number
  readonly price: string
  readonly size: string
  /** ISO 8601 with microseconds. */
  readonly time: string
  readonly makerSide: Side
}

/** A candle as Coinbase's REST API gives it: seconds since the epoch, low, high, open, close, volume. */
export type CandleRow = readonly [number, number, number, number, number, number]

/** Something that happens on the market, as it goes to whoever is subscribed to its product and channel. */
export interface MarketFrame {
  /** Undefined: to everybody. */
  readonly product: string | undefined
  readonly channel: Channel | undefined
  /** Bytes where a recording has what is no text. */
  readonly data: string | Buffer
}

/** What the local exchange trades: where its prices come from. */
export interface Market {
  readonly kind: 'simulated' | 'replayed'
  readonly products: readonly string[]
  /**
   * What happens from the first subscription on, at the market's own pace: it goes on while nobody listens. Whoever
   * iterates may hold it up for a moment; a paced market then catches up.
   */
  frames(options: { clock: Clock; signal: AbortSignal }): AsyncIterable<MarketFrame>
  /** Whether the market has a pace of its own; else it is as fast as its listeners. */
  readonly paced: boolean
  /** Whether it says every second how far the product is: a recording may have no heartbeats. */
  hasHeartbeats(product: string): boolean
  /** The newest trade that has happened. */
  lastTrade(product: string): ExchangeTrade | undefined
  /** Trades that have happened, with `afterId < id < beforeId`, newest first, at most `limit`. */
  trades(product: string, range: TradeRange): readonly ExchangeTrade[]
  /** Newest first; empty intervals are left out. `startMs` is included, `endMs` too, as with Coinbase. */
  candles(product: string, range: CandleRange): readonly CandleRow[]
  close(): void
}

export interface TradeRange {
  readonly beforeId?: number
  readonly afterId?: number
  readonly limit: number
}

export interface CandleRange {
  readonly granularityMs: number
  readonly startMs: number
  readonly endMs: number
}
