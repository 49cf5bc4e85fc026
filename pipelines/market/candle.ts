import type { AggregateSpec } from 'rivulet'
import type { MinuteCandle, StockTick } from './tables.ts'

/** The store of the minutes, of which the API asks for those that are still open. */
export const candleStore = 'candle'

/** What the trades of a minute have come to so far: sums, from which the averages are made when they are asked for. */
export interface CandleState {
  readonly first: CandleEdge
  readonly last: CandleEdge
  readonly min_price: number
  readonly max_price: number
  readonly price_sum: number
  /** Price × volume. */
  readonly notional_sum: number
  readonly total_volume: number
  readonly tick_count: number
}

/** The trade at which a candle opens or closes. Trades may come late, so its place in time is kept. */
interface CandleEdge {
  readonly price: number
  readonly timestamp: string
  readonly trade_id: number
}

const none: CandleState = {
  first: { price: 0, timestamp: '', trade_id: 0 },
  last: { price: 0, timestamp: '', trade_id: 0 },
  // JSON has no infinity.
  min_price: Number.MAX_VALUE,
  max_price: -Number.MAX_VALUE,
  price_sum: 0,
  notional_sum: 0,
  total_volume: 0,
  tick_count: 0,
}

/** Makes a candle of the trades of one symbol and window. */
export const candle: AggregateSpec<string, StockTick, CandleState> = {
  initializer: () => none,
  aggregator: (state, tick) => {
    const isFirst = state.tick_count === 0
    return {
      first: isFirst || isLater(state.first, tick) ? edgeOf(tick) : state.first,
      last: isFirst || isLater(tick, state.last) ? edgeOf(tick) : state.last,
      min_price: Math.min(state.min_price, tick.price),
      max_price: Math.max(state.max_price, tick.price),
      price_sum: state.price_sum + tick.price,
      notional_sum: state.notional_sum + tick.price * tick.volume,
      total_volume: state.total_volume + tick.volume,
      tick_count: state.tick_count + 1,
    }
  },
}

/** The candle as a row of the table. */
export function minuteCandle(state: CandleState): MinuteCandle {
  const { first, last, min_price, max_price, price_sum, notional_sum, total_volume, tick_count } = state
  return {
    open: first.price,
    close: last.price,
    min_price,
    max_price,
    vwap: notional_sum / total_volume,
    avg_price: price_sum / tick_count,
    total_volume,
    tick_count,
  }
}

function edgeOf({ price, timestamp, trade_id }: StockTick): CandleEdge {
  return { price, timestamp, trade_id }
}

/** Among equal times the larger id is the later. */
function isLater(a: CandleEdge, b: CandleEdge): boolean {
  if (a.timestamp === b.timestamp) return a.trade_id > b.trade_id
  // Of one length they compare as text; else one has more digits of a second than the other.
  if (a.timestamp.length === b.timestamp.length) return a.timestamp > b.timestamp
  return a.timestamp.replace('Z', '0') > b.timestamp.replace('Z', '0')
}
