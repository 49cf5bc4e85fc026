import { NEVER, Subject, throwError, VirtualTimeScheduler } from 'rxjs'
import { afterEach, describe, expect, test } from 'vitest'
import type { FeedEvent } from '../../../../pipelines/market/coinbase/feed-event.ts'
import { tradesInOrder } from '../../../../pipelines/market/coinbase/trades-in-order.ts'
import type { Trade } from '../../../../pipelines/market/trade.ts'
import { createClock } from '../../../../src/clock.ts'
import { tape } from '../support/json-tape.ts'
import { SourceProbe, until } from '../support/source-probe.ts'

const product = 'BTC-USD'
const options = { products: [product], restUrl: 'http://127.0.0.1:9', tape }

function trade(tradeId: number): Trade {
  const time = '2026-07-07T22:00:00.000000Z'
  const timestampMs = Date.parse(time)
  return { product, symbol: 'BTC', tradeId, price: 1, size: 1, time, timestampMs, takerSide: 'buy' }
}

/** What has just happened, unless it is what a subscription is answered with. */
function said(tradeId: number, of: Partial<Trade> = {}, isNewest = true): FeedEvent {
  return { type: 'trade', trade: { ...trade(tradeId), ...of }, isNewest, bytes: Buffer.from('{}') }
}

describe('tradesInOrder', () => {
  const running: SourceProbe[] = []
  afterEach(() => {
    for (const probe of running.splice(0)) probe.stop()
  })

  /** Runs until the end of the tape was read. */
  async function follow(probe: SourceProbe, products = [product]): Promise<Subject<FeedEvent>> {
    const feed$ = new Subject<FeedEvent>()
    running.push(probe.start((context) => feed$.pipe(tradesInOrder({ ...options, products }, context))))
    await until(() => feed$.observed)
    return feed$
  }

  test('lets a live trade out within the event that brought it', async () => {
    const probe = new SourceProbe({ tape: [trade(7)] })
    const feed$ = await follow(probe)
    feed$.next({ type: 'connected' })
    for (const id of [8, 8, 9]) feed$.next(said(id))
    expect(probe.ids(product)).toEqual([8, 9])
    expect(probe.counters.duplicates).toBe(1)
  })

  test('counts as duplicates what one channel has said twice, not what is known from elsewhere', async () => {
    const probe = new SourceProbe({ tape: [trade(7)] })
    const feed$ = await follow(probe)
    feed$.next({ type: 'connected' })
    // The last trade as the channel begins, then tickers before and behind their matches.
    feed$.next(said(7, {}, false))
    for (const isNewest of [false, true, false]) feed$.next(said(8, {}, isNewest))
    feed$.next(said(9))
    expect(probe.counters.duplicates).toBe(0)
    feed$.next(said(8))
    feed$.next(said(9))
    expect(probe.counters.duplicates).toBe(2)
    // Another connection may begin anywhere.
    feed$.next({ type: 'connected' })
    feed$.next(said(9))
    expect(probe.counters.duplicates).toBe(2)
    expect(probe.ids(product)).toEqual([8, 9])
  })

  test('holds trades back that come while it is paused, and a pause that comes with a trade holds the next', async () => {
    const probe = new SourceProbe({ tape: [trade(7)] })
    const feed$ = await follow(probe)
    probe.paused$.next(true)
    for (const id of [8, 9, 10]) feed$.next(said(id))
    expect(probe.trades).toEqual([])
    probe.trades.push = (...trades) => {
      probe.paused$.next(true)
      return Array.prototype.push.apply(probe.trades, trades)
    }
    probe.paused$.next(false)
    expect(probe.ids(product)).toEqual([8])
    probe.paused$.next(false)
    expect(probe.ids(product)).toEqual([8, 9])
  })

  test('waits a few seconds for a product that does not come, and lets the others go on then', async () => {
    const scheduler = new VirtualTimeScheduler()
    const pass = (ms: number) => {
      scheduler.maxFrames = scheduler.frame + ms
      scheduler.flush()
      scheduler.frame = scheduler.maxFrames
    }
    const late = { ...trade(3), product: 'ETH-USD', symbol: 'ETH' }
    const probe = new SourceProbe({ tape: [trade(7), late], clock: createClock(scheduler) })
    const feed$ = await follow(probe, [product, late.product])
    feed$.next({ type: 'connected' })
    feed$.next(said(8))
    pass(4_000)
    expect(probe.trades).toEqual([])
    pass(2_000)
    expect(probe.ids(product)).toEqual([8])
  })

  test('waits until it is told how far each product is: what a subscription is answered with may be old', async () => {
    const other = { product: 'ETH-USD', symbol: 'ETH' }
    const probe = new SourceProbe({ tape: [trade(7), { ...trade(3), ...other }] })
    const feed$ = await follow(probe, [product, other.product])
    const heartbeat = (lastTradeId: number): FeedEvent => {
      const of = { product: other.product, lastTradeId, timestampMs: 0 }
      return { type: 'heartbeat', ...of, bytes: Buffer.from('{}') }
    }
    feed$.next({ type: 'connected' })
    feed$.next(said(8))
    feed$.next(said(3, other, false))
    feed$.next(heartbeat(0))
    expect(probe.trades).toEqual([])
    feed$.next(heartbeat(3))
    expect(probe.ids(product)).toEqual([8])
  })

  test('begins no empty tape before it is told how far the product is, for an older trade may come', async () => {
    const other = { product: 'ETH-USD', symbol: 'ETH' }
    const probe = new SourceProbe()
    const feed$ = await follow(probe, [product, other.product])
    feed$.next({ type: 'connected' })
    for (const id of [8, 7]) feed$.next(said(id, {}, false))
    feed$.next(said(3, other))
    expect(probe.trades).toEqual([])
    feed$.next(said(9))
    expect(probe.ids(product)).toEqual([7, 8, 9])
    expect(probe.ids(other.product)).toEqual([3])
  })

  test('takes what comes for what there is where no heartbeat says it, until the next connection', async () => {
    const other = { product: 'ETH-USD', symbol: 'ETH' }
    const probe = new SourceProbe()
    const feed$ = await follow(probe, [product, other.product])
    feed$.next({ type: 'connected' })
    feed$.next({ type: 'without heartbeats', products: [product, other.product] })
    for (const id of [8, 9]) feed$.next(said(id, {}, false))
    expect(probe.ids(product)).toEqual([8, 9])
    feed$.next({ type: 'connected' })
    feed$.next(said(10, {}, false))
    expect(probe.ids(product)).toEqual([8, 9])
  })

  test('asks for the feed only when it knows where the tape ends', () => {
    const feed$ = new Subject<FeedEvent>()
    const tail = async function* () {
      await new Promise<void>(() => {})
    }
    running.push(new SourceProbe({ tail }).start((context) => feed$.pipe(tradesInOrder(options, context))))
    expect(feed$.observed).toBe(false)
  })

  test('ends with the error of the feed', async () => {
    const fault = new Error('the feed is broken')
    const probe = new SourceProbe()
    probe.start((context) => throwError(() => fault).pipe(tradesInOrder(options, context)))
    await until(() => probe.error !== undefined)
    expect(probe.error).toBe(fault)
    expect(probe.states).toEqual(['connecting', 'stopped'])
  })

  test('makes what is thrown while an event is taken in the error of the stream, and leaves the feed', async () => {
    const fault = new Error('the letter can not be sent')
    const deadLetter = () => {
      throw fault
    }
    const count = (counter: string, by = 1) => {
      if (counter === 'duplicates' && by > 0) throw fault
    }
    const duplicate = [said(7), said(7)]
    const bad: FeedEvent[] = [{ type: 'bad', reason: 'not JSON', bytes: Buffer.from('x') }]
    for (const events of [duplicate, bad]) {
      const probe = new SourceProbe({ deadLetter, count })
      const feed$ = await follow(probe)
      for (const event of events) feed$.next(event)
      expect(probe.error).toBe(fault)
      expect(feed$.observed).toBe(false)
    }
  })

  test('says nothing of a feed that says nothing, and leaves it when it is unsubscribed', async () => {
    const silent = new SourceProbe()
    silent.start((context) => NEVER.pipe(tradesInOrder(options, context)))
    expect([silent.trades, silent.error]).toEqual([[], undefined])
    silent.stop()

    const probe = new SourceProbe()
    const feed$ = await follow(probe)
    probe.stop()
    expect(feed$.observed).toBe(false)
    expect(probe.states).toEqual(['connecting', 'stopped'])
  })
})
