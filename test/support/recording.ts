import { existsSync, readFileSync } from 'node:fs'

/** What a recording says, worked out by hand from its lines: the judge of the API's figures. */
export interface RecordedTrade {
  readonly symbol: string
  readonly trade_id: number
  readonly price: number
  readonly volume: number
  readonly timestamp: string
  readonly side: 'buy' | 'sell'
}

export const recordings = {
  matches: '../shared/coinbase/btc-eth-matches-2026-07-07.jsonl',
  tickers: '../shared/coinbase/ticker-matches-2021-04-17.jsonl',
}

export function isThere(file: string): boolean {
  return existsSync(file)
}

/**
 * Each trade of the products once, by product and id, in the order of the ids. A product's tape begins with the first
 * trade that was recorded of it; what came with an older id is not on it.
 */
export function tradesOf(file: string, products?: readonly string[]): RecordedTrade[] {
  const trades = new Map<string, RecordedTrade>()
  const firstIds = new Map<string, number>()
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line.trim() === '') continue
    const message = JSON.parse(line) as Record<string, string | number>
    const { type, product_id: product, trade_id } = message
    if (type !== 'match' && type !== 'last_match' && type !== 'ticker') continue
    if (
      typeof product !== 'string' ||
      typeof trade_id !== 'number' ||
      (products && !products.includes(product))
    )
      continue
    const firstId = firstIds.get(product) ?? trade_id
    firstIds.set(product, firstId)
    if (trade_id < firstId || trades.has(`${product} ${trade_id}`)) continue
    const isTicker = type === 'ticker'
    const buys = message.side === 'buy'
    trades.set(`${product} ${trade_id}`, {
      symbol: product.split('-')[0] as string,
      trade_id,
      price: Number(message.price),
      volume: Number(isTicker ? message.last_size : message.size),
      timestamp: String(message.time),
      // A match names the maker's side, a ticker the taker's.
      side: buys === isTicker ? 'buy' : 'sell',
    })
  }
  return [...trades.values()]
}
