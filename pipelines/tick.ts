import { serdes } from '../src/serdes/serdes.ts'
import { shape } from '../src/serdes/shape.ts'
import type { Trade } from '../src/sources/trade.ts'
import { topic } from '../src/stream/topic.ts'
import type { StockTick } from './tables.ts'

const stockTick = shape(
  {
    symbol: 'string',
    price: 'number',
    volume: 'number',
    timestamp: 'string',
    trade_id: 'number',
    side: ['buy', 'sell'],
    exchange: 'string',
  },
  ({ price, volume }) => (price > 0 && volume > 0 ? undefined : 'price and volume must be above 0'),
)

/** Every trade of the market once, keyed by symbol, at the exchange's time. */
export const stockTicks = topic('stock-ticks', { key: serdes.string, value: stockTick })

/** Where what can't be decoded goes, with its bytes, place and reason. */
export const deadLetters = 'stock-ticks-dead-letters'

export function toTick(trade: Trade, exchange: string): StockTick {
  const { symbol, price, size, time, tradeId, takerSide } = trade
  return { symbol, price, volume: size, timestamp: time, trade_id: tradeId, side: takerSide, exchange }
}

/** Which trade a tick is: how a source finds in the topic where it was. */
export function positionOf({ symbol, trade_id }: StockTick): { symbol: string; tradeId: number } {
  return { symbol, tradeId: trade_id }
}
