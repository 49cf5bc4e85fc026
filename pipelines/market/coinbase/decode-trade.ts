import { millisecondsOfIso } from '../iso-time.ts'
import { opposite, type Side, symbolOf, type Trade } from '../trade.ts'

/** Ten years of the busiest product are 10⁹; a larger id is garbage, and must not become a position. */
const tradeIdMax = 1e12
/** Far beyond any market, and small enough for sums of products of two to stay finite. */
const amountMax = 1e30
const decimalPattern = /^\d+(\.\d+)?(e[+-]?\d{1,3})?$/i

export interface BadTrade {
  readonly reason: string
  /** Where the id could be read, the true trade can be fetched. */
  readonly product?: string
  readonly tradeId?: number
}

export type DecodedTrade = { readonly trade: Trade } | { readonly bad: BadTrade }

/** The fields of a trade, before anything is believed; `side` is of whom `sideOf` says. */
export interface TradeFields {
  readonly product: unknown
  readonly tradeId: unknown
  readonly price: unknown
  readonly size: unknown
  readonly time: unknown
  readonly side: unknown
  readonly sideOf: 'maker' | 'taker'
}

/**
 * Checks each field: prices and sizes are finite, positive and decimal, ids are plausible integers, and no time is after
 * `latestMs`.
 */
export function decodeTrade(fields: TradeFields, latestMs: number): DecodedTrade {
  const { product, tradeId, time } = fields
  if (!isProduct(product)) return { bad: { reason: `product_id ${shown(product)} is no product` } }
  if (!isTradeId(tradeId)) return { bad: { reason: `trade_id ${shown(tradeId)} is no trade id`, product } }

  const price = decimal(fields.price)
  if (!(price > 0)) return bad(product, tradeId, `price ${shown(fields.price)} is no finite positive number`)
  const size = decimal(fields.size)
  if (!(size > 0)) return bad(product, tradeId, `size ${shown(fields.size)} is no finite positive number`)
  const timestampMs = millisecondsOf(time)
  if (typeof time !== 'string' || Number.isNaN(timestampMs))
    return bad(product, tradeId, `time ${shown(time)} is no time`)
  if (timestampMs > latestMs)
    return bad(product, tradeId, `time ${time} is far ahead of the exchange's clock and of ours`)
  const { side } = fields
  if (!isSide(side)) return bad(product, tradeId, `side ${shown(side)} is neither buy nor sell`)

  return {
    trade: {
      product,
      symbol: symbolOf(product),
      tradeId,
      price,
      size,
      time,
      timestampMs,
      // Coinbase's side is the maker's, but for `ticker`; the taker took the other.
      takerSide: fields.sideOf === 'taker' ? side : opposite(side),
    },
  }
}

function bad(product: string, tradeId: number, reason: string): DecodedTrade {
  return { bad: { reason, product, tradeId } }
}

export function isProduct(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= 64
}

export function isTradeId(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0 && Number(value) <= tradeIdMax
}

/** Of one of the exchange's times, since the epoch; NaN: it is none. */
export function millisecondsOf(time: unknown): number {
  return typeof time === 'string' && time.startsWith('20') ? millisecondsOfIso(time) : Number.NaN
}

function isSide(value: unknown): value is Side {
  return value === 'buy' || value === 'sell'
}

/** NaN for whatever is no decimal string with a finite value that a market may have. */
function decimal(value: unknown): number {
  const number = typeof value === 'string' && decimalPattern.test(value) ? Number(value) : Number.NaN
  return number <= amountMax ? number : Number.NaN
}

/** Never what is nested in a value: it may be as deep as it likes. */
function shown(value: unknown): string {
  if (value === undefined) return '(absent)'
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? '(a list)' : '(an object)'
  const text = JSON.stringify(value) ?? typeof value
  return text.length > 40 ? `${text.slice(0, 40)}…` : text
}
