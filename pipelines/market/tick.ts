import { type Headers, lastHeader, type PlainRecord, serdes, shape, topic } from 'rivulet'
import { millisecondsOfIso } from './iso-time.ts'
import type { TapePosition } from './resume.ts'
import type { StockTick } from './tables.ts'
import type { Trade } from './trade.ts'

/** Sums of more would not stay finite, and no market has a trade of this size. */
const notionalMax = 1e60

/** What would be refused behind the topic must be a dead letter here: else one record stops the pipeline for good. */
function whyNotTick({ price, volume, timestamp, trade_id }: StockTick): string | undefined {
  if (!(price > 0 && volume > 0)) return 'price and volume must be above 0'
  if (!(price * volume <= notionalMax)) return `price × volume must be at most ${notionalMax}`
  if (!(Number.isSafeInteger(trade_id) && trade_id >= 0)) return `trade_id ${trade_id} is no trade id`
  const isTime = !Number.isNaN(millisecondsOfIso(timestamp))
  return isTime ? undefined : `timestamp ${JSON.stringify(timestamp)} is no time in UTC`
}

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
  whyNotTick,
)

/** Every trade of the market once, keyed by symbol, at the exchange's time. */
export const stockTicks = topic('stock-ticks', { key: serdes.string, value: stockTick })

/** Where what can't be decoded goes, with its bytes, place and reason. */
export const deadLetters = 'stock-ticks-dead-letters'

export function toTick(trade: Trade, exchange: string): StockTick {
  const { symbol, price, size, time, tradeId, takerSide } = trade
  return { symbol, price, volume: size, timestamp: time, trade_id: tradeId, side: takerSide, exchange }
}

/** What is not said of a tick's product: nearly all are of this currency. */
const commonQuote = 'USD'
const productHeader = 'product'

/** Makes the headers of a trade's record: which product it is of, where its symbol alone does not say it. */
export function productHeaders(): (trade: Trade) => Headers | undefined {
  const made = new Map<string, Headers>()
  return ({ product, symbol }) => {
    if (product === `${symbol}-${commonQuote}`) return undefined
    const headers = made.get(product) ?? [[productHeader, Buffer.from(product)]]
    made.set(product, headers)
    return headers
  }
}

/** Which trade a record is: how a source finds in the topic where it was. */
export function positionOf({ value, headers }: PlainRecord<string, StockTick>): TapePosition {
  const product = lastHeader(headers, productHeader)?.toString() ?? `${value.symbol}-${commonQuote}`
  return { product, tradeId: value.trade_id }
}
