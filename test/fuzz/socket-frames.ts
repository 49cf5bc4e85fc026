import assert from 'node:assert/strict'
import { type Observable, of, VirtualTimeScheduler } from 'rxjs'
import { decoded } from '../../pipelines/market/coinbase/decoded.ts'
import type { SocketEvent } from '../../pipelines/market/coinbase/socket.ts'
import { CoinbaseSubscription } from '../../pipelines/market/coinbase/subscription.ts'
import {
  errorFrame,
  heartbeatFrame,
  matchFrame,
  tickerFrame,
} from '../../pipelines/market/exchange-server/frames.ts'
import type { ExchangeTrade } from '../../pipelines/market/exchange-server/market.ts'
import { createClock } from '../../src/clock.ts'
import { silentLogger } from '../../src/logger.ts'
import { canBePutAway, holdsForNextEdges } from './support/market-edges.ts'
import { damaged, noisyJson, oneOf } from './support/noise.ts'

export const name = 'socket'

const nowMs = Date.UTC(2026, 0, 1)
/** As far ahead as Kafka takes a record's time. */
const aheadMsMax = 3_600_000
const products = ['BTC-USD', 'ETH-USD']
const trade: ExchangeTrade = {
  product: 'BTC-USD',
  tradeId: 7,
  price: '77302.99',
  size: '0.0045',
  time: '2025-12-31T23:59:59.123456Z',
  makerSide: 'buy',
}
const frames = [
  matchFrame(trade),
  matchFrame(trade, 'last_match'),
  tickerFrame(trade),
  heartbeatFrame('BTC-USD', trade, nowMs),
  errorFrame('Failed to subscribe', 'BTC-USD is not a valid product'),
  '{"type":"subscriptions","channels":[{"name":"matches","product_ids":["BTC-USD"]}]}',
]

/** Whatever the exchange sends: a trade that all behind can take, a dead letter, or nothing; never an error. */
export function run(random: () => number): void {
  const clock = createClock(new VirtualTimeScheduler(), random)
  const frame: SocketEvent = { type: 'frame', bytes: frameOf(random), binary: random() < 0.02 }
  const frame$: Observable<SocketEvent> = of(frame)
  const subscription = new CoinbaseSubscription({ products, logger: silentLogger, send: () => {} })
  let events = 0
  frame$.pipe(decoded({ ...clock, now: () => nowMs })).subscribe({
    next: (event) => {
      assert.equal(event.type, 'message')
      if (event.type !== 'message') return
      events++
      const { message, bytes } = event
      if (message.type === 'trade') holdsForNextEdges(message.trade, nowMs + aheadMsMax)
      if (message.type === 'bad') canBePutAway({ bytes, reason: message.reason })
      for (const product of subscription.receive(message)) assert.ok(products.includes(product))
      subscription.check()
    },
    error: (error) => {
      throw error
    },
  })
  assert.equal(events, 1)
}

function frameOf(random: () => number): Buffer {
  const text = oneOf(random, frames)
  const kind = random()
  if (kind < 0.3) return damaged(random, text)
  if (kind < 0.35) return Buffer.from(noisyJson(random))
  // One or two values are others.
  let noisy = text
  for (let i = random() < 0.5 ? 1 : 2; i > 0; i--) noisy = withOtherValue(random, noisy)
  return Buffer.from(noisy)
}

function withOtherValue(random: () => number, text: string): string {
  const places = [...text.matchAll(/"(\w+)":("[^"]*"|[\d.]+)/g)]
  const place = oneOf(random, places)
  return place ? text.replace(place[0], () => `"${place[1]}":${noisyJson(random)}`) : text
}
