import type { Trade } from '../trade.ts'
import { type BadTrade, decodeTrade, isProduct, isTradeId, millisecondsOf } from './decode-trade.ts'

/** Far above the largest frame outside level 2 (292 bytes), below what Kafka takes as a record. */
export const frameBytesMax = 256 * 1024

/** What a frame of the socket says. `ignored`: a type that is none of ours, as the protocol demands. */
export type Message =
  | {
      readonly type: 'trade'
      readonly trade: Trade
      /** It has just happened; what a subscription is answered with, and tickers, may be older. */
      readonly isNewest: boolean
    }
  | {
      readonly type: 'heartbeat'
      readonly product: string
      readonly lastTradeId: number
      /** The exchange's time; NaN where it says none. */
      readonly timestampMs: number
    }
  | { readonly type: 'subscriptions'; readonly channels: readonly SubscribedChannel[] }
  | { readonly type: 'error'; readonly text: string }
  | { readonly type: 'ignored' }
  | ({ readonly type: 'bad' } & BadTrade)

export interface SubscribedChannel {
  readonly name: string
  readonly products: readonly string[]
}

type Fields = Readonly<Record<string, unknown>>

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Never throws: what can't be decoded is `bad`, with the reason; so is a trade that is later than `latestMs`. Source:
 * Coinbase Exchange, WebSocket channels.
 */
export function decodeMessage(
  bytes: Buffer,
  binary = false,
  latestMs: number = Number.POSITIVE_INFINITY,
): Message {
  if (binary) return bad('a binary frame')
  if (bytes.length > frameBytesMax) return bad(`${bytes.length} bytes, more than ${frameBytesMax}`)
  let value: unknown
  try {
    value = JSON.parse(utf8.decode(bytes))
  } catch (error) {
    return bad(error instanceof SyntaxError ? 'not JSON' : 'not UTF-8')
  }
  if (!isFields(value)) return bad('not a JSON object')
  switch (value.type) {
    case 'match':
    case 'last_match':
      return trade(
        decodeTrade(
          {
            product: value.product_id,
            tradeId: value.trade_id,
            price: value.price,
            size: value.size,
            time: value.time,
            side: value.side,
            sideOf: 'maker',
          },
          latestMs,
        ),
        value.type === 'match',
      )
    case 'ticker':
      // A product that never traded has a ticker without a trade.
      if (value.trade_id === undefined && isProduct(value.product_id)) return { type: 'ignored' }
      return trade(
        decodeTrade(
          {
            product: value.product_id,
            tradeId: value.trade_id,
            price: value.price,
            size: value.last_size,
            time: value.time,
            side: value.side,
            sideOf: 'taker',
          },
          latestMs,
        ),
        false,
      )
    case 'heartbeat':
      return heartbeat(value)
    case 'subscriptions':
      return subscriptions(value)
    case 'error':
      return { type: 'error', text: errorText(value) }
    default:
      return typeof value.type === 'string' ? { type: 'ignored' } : bad('no message type')
  }
}

function trade(decoded: ReturnType<typeof decodeTrade>, isNewest: boolean): Message {
  return 'trade' in decoded
    ? { type: 'trade', trade: decoded.trade, isNewest }
    : { type: 'bad', ...decoded.bad }
}

function heartbeat({ product_id: product, last_trade_id: lastTradeId, time }: Fields): Message {
  if (!isProduct(product)) return bad('a heartbeat of no product')
  // 0 means unknown.
  if (lastTradeId === 0 || isTradeId(lastTradeId)) {
    return { type: 'heartbeat', product, lastTradeId, timestampMs: millisecondsOf(time) }
  }
  return { type: 'bad', reason: 'a heartbeat whose last_trade_id is no trade id', product }
}

function subscriptions({ channels }: Fields): Message {
  if (!Array.isArray(channels)) return bad('subscriptions without channels')
  const decoded: SubscribedChannel[] = []
  for (const channel of channels) {
    if (!isFields(channel) || typeof channel.name !== 'string' || !Array.isArray(channel.product_ids)) {
      return bad('a subscribed channel without name or products')
    }
    decoded.push({ name: channel.name, products: channel.product_ids.filter(isProduct) })
  }
  return { type: 'subscriptions', channels: decoded }
}

function errorText({ message, reason }: Fields): string {
  const parts = [message, reason].filter((part) => typeof part === 'string' && part !== '')
  return parts.length > 0 ? parts.join(': ') : 'an error without a reason'
}

function bad(reason: string): Message {
  return { type: 'bad', reason }
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
