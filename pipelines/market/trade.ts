export type Side = 'buy' | 'sell'

/** One trade of a market, identified by (`product`, `tradeId`); the ids of a product rise by exactly 1. */
export interface Trade {
  /** As the exchange names it, such as `BTC-USD`. */
  readonly product: string
  /** The part of the product before `-`, such as `BTC`. */
  readonly symbol: string
  readonly tradeId: number
  /** In the quote currency. */
  readonly price: number
  /** In the base currency, not scaled. */
  readonly size: number
  /** ISO 8601 in UTC, as sent: with microseconds where the exchange gives them. */
  readonly time: string
  /** The same in ms since the epoch, without the microseconds. */
  readonly timestampMs: number
  readonly takerSide: Side
}

export function symbolOf(product: string): string {
  const dash = product.indexOf('-')
  return dash < 0 ? product : product.slice(0, dash)
}

/** The currency of the prices; where a product does not name one, as a stock, it is the dollar. */
export function quoteOf(product: string): string {
  const dash = product.indexOf('-')
  return dash < 0 ? 'USD' : product.slice(dash + 1)
}

export function opposite(side: Side): Side {
  return side === 'buy' ? 'sell' : 'buy'
}
