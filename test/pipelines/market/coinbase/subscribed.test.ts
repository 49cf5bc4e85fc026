import { BehaviorSubject, Subject } from 'rxjs'
import { describe, expect, test } from 'vitest'
import type { DecodedEvent } from '../../../../pipelines/market/coinbase/decoded.ts'
import type { FeedEvent } from '../../../../pipelines/market/coinbase/feed-event.ts'
import { decodeMessage } from '../../../../pipelines/market/coinbase/message.ts'
import { subscribed } from '../../../../pipelines/market/coinbase/subscribed.ts'
import { systemClock } from '../../../../src/clock.ts'
import { silentLogger } from '../../../../src/logger.ts'

/** An open connection that is subscribed to `A-USD` and `B-USD`. */
function open() {
  const decoded$ = new Subject<DecodedEvent>()
  const events: FeedEvent[] = []
  const sent: string[] = []
  const running = decoded$
    .pipe(
      subscribed({
        products: ['A-USD', 'B-USD'],
        clock: systemClock,
        logger: silentLogger,
        paused$: new BehaviorSubject(true),
      }),
    )
    .subscribe((event) => events.push(event))
  decoded$.next({ type: 'open', send: (text) => sent.push(text) })
  const receive = (...messages: object[]) => {
    for (const each of messages) {
      const bytes = Buffer.from(JSON.stringify(each))
      decoded$.next({ type: 'message', message: decodeMessage(bytes), bytes })
    }
  }
  return { decoded$, events, sent, receive, running }
}

const match = {
  type: 'match',
  product_id: 'A-USD',
  trade_id: 7,
  price: '1',
  size: '1',
  side: 'buy',
  time: '2026-07-07T22:00:00Z',
}

describe('subscribed', () => {
  test('says that it is connected before all else, and live before the first trade', () => {
    const { events, sent, receive } = open()
    expect(sent).toHaveLength(1)
    receive({ type: 'subscriptions', channels: [] }, { type: 'status' }, match, match)
    expect(events.map(({ type }) => type)).toEqual(['connected', 'state', 'trade', 'trade'])
    expect(events[1]).toEqual({ type: 'state', state: 'live' })
  })

  test('passes what can not be decoded on with its frame, and is not live by it', () => {
    const { events, receive } = open()
    const garbled = { ...match, price: 'x' }
    receive(garbled)
    expect(events.map(({ type }) => type)).toEqual(['connected', 'bad'])
    expect(events[1]).toMatchObject({ tradeId: 7, bytes: Buffer.from(JSON.stringify(garbled)) })
  })

  test('calls a trade bad that was not subscribed to', () => {
    const { events, receive } = open()
    receive({ ...match, product_id: 'C-USD' })
    expect(events.at(-1)).toMatchObject({
      type: 'bad',
      product: 'C-USD',
      tradeId: 7,
      reason: 'C-USD was not subscribed to',
    })
  })

  test('says of which products no heartbeats come', () => {
    const { events, receive } = open()
    const matches = { name: 'matches', product_ids: ['A-USD', 'B-USD'] }
    receive({ type: 'subscriptions', channels: [matches, { name: 'heartbeat', product_ids: ['A-USD'] }] })
    expect(events.slice(1)).toEqual([{ type: 'without heartbeats', products: ['B-USD'] }])
    receive({
      type: 'subscriptions',
      channels: [matches, { name: 'heartbeat', product_ids: ['A-USD', 'B-USD'] }],
    })
    expect(events).toHaveLength(2)
  })

  test('says once which products a connection rejects', () => {
    const { events, receive } = open()
    const error = { type: 'error', message: 'Failed to subscribe', reason: 'A-USD and B-USD are delisted' }
    receive(error, error, { type: 'error', message: 'slow down' })
    const reason = 'Failed to subscribe: A-USD and B-USD are delisted'
    expect(events.slice(1)).toEqual([{ type: 'rejected', products: ['A-USD', 'B-USD'], reason }])
  })

  test('leaves the connection when it is unsubscribed', () => {
    const { decoded$, running } = open()
    running.unsubscribe()
    expect(decoded$.observed).toBe(false)
  })
})
