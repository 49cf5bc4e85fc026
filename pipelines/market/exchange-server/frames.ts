import { microseconds } from '../synthetic/microseconds.ts'
import { opposite } from '../trade.ts'
import type { ExchangeTrade } from './market.ts'

// The shapes of Coinbase's frames. Source: Coinbase Exchange, WebSocket channels and "Get product trades".

export function matchFrame(trade: ExchangeTrade, type: 'match' | 'last_match' = 'match'): string {
  return JSON.stringify({
    type,
    trade_id: trade.tradeId,
    maker_order_id: orderId(trade, 1),
    taker_order_id: orderId(trade, 2),
    side: trade.makerSide,
    size: trade.size,
    price: trade.price,
    product_id: trade.product,
    sequence: trade.tradeId * 10,
    time: trade.time,
  })
}

export function tickerFrame(trade: ExchangeTrade): string {
  return JSON.stringify({
    type: 'ticker',
    sequence: trade.tradeId * 10,
    product_id: trade.product,
    price: trade.price,
    open_24h: trade.price,
    volume_24h: trade.size,
    low_24h: trade.price,
    high_24h: trade.price,
    volume_30d: trade.size,
    best_bid: trade.price,
    best_ask: trade.price,
    // A ticker's side is the taker's.
    side: opposite(trade.makerSide),
    time: trade.time,
    trade_id: trade.tradeId,
    last_size: trade.size,
  })
}

export function heartbeatFrame(product: string, last: ExchangeTrade | undefined, nowMs: number): string {
  const lastTradeId = last?.tradeId ?? 0
  return JSON.stringify({
    type: 'heartbeat',
    sequence: lastTradeId * 10,
    last_trade_id: lastTradeId,
    product_id: product,
    time: microseconds(nowMs),
  })
}

export function errorFrame(message: string, reason: string): string {
  return JSON.stringify({ type: 'error', message, reason })
}

export function restTrade({ tradeId, price, size, time, makerSide }: ExchangeTrade): object {
  return { time, trade_id: tradeId, price, size, side: makerSide }
}

function orderId({ tradeId }: ExchangeTrade, party: number): string {
  return `00000000-0000-4000-800${party}-${tradeId.toString(16).padStart(12, '0')}`
}
