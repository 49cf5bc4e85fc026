import { expect, test } from 'vitest'
import { FeedOutages } from '../../../../pipelines/market/coinbase/feed-outages.ts'
import type { TapeEvent } from '../../../../pipelines/market/coinbase/product-tapes.ts'

const state = (now: 'connecting' | 'live' | 'waiting'): TapeEvent => ({
  type: 'state',
  state: now,
})

function heartbeat(second: number): TapeEvent {
  return {
    type: 'heartbeat',
    product: 'BTC-USD',
    lastTradeId: 1,
    timestampMs: second * 1000,
    bytes: Buffer.from('{}'),
  }
}

function backfilled(product: string, fromSecond: number, toSecond: number): TapeEvent {
  const span = { fromMs: fromSecond * 1000, toMs: toSecond * 1000 }
  return { type: 'backfilled', product, trades: 2, span }
}

function outagesOf(...events: readonly TapeEvent[]) {
  const outages = new FeedOutages()
  for (const event of events) outages.tell(event)
  return outages.list
}

test('are from what was heard last to what was heard next, however often it is tried between', () => {
  expect(
    outagesOf(
      state('connecting'),
      state('live'),
      heartbeat(10),
      heartbeat(11),
      state('waiting'),
      state('connecting'),
      state('waiting'),
      state('live'),
      // Said late, of before.
      heartbeat(11),
      heartbeat(Number.NaN),
      heartbeat(95),
      heartbeat(96),
    ),
  ).toEqual([{ kind: 'away', symbol: null, from: 11, to: 95 }])
})

test('have no end while one is under way, and none is where nothing was heard before', () => {
  const underWay = [{ kind: 'away', symbol: null, from: 11, to: null }]
  expect(outagesOf(state('live'), heartbeat(11), state('waiting'))).toEqual(underWay)
  expect(outagesOf(state('live'), heartbeat(11), state('waiting'), state('live'))).toEqual(underWay)
  expect(outagesOf(state('connecting'))).toEqual([])
})

test('tell what was fetched later, the pages of one stretch as one, each symbol by itself', () => {
  expect(
    outagesOf(
      backfilled('BTC-USD', 10, 20),
      backfilled('ETH-USD', 10, 20),
      backfilled('BTC-USD', 20, 50),
      { type: 'backfilled', product: 'BTC-USD', trades: 0, span: undefined },
      backfilled('BTC-USD', 500, 501),
    ),
  ).toEqual([
    { kind: 'backfilled', symbol: 'ETH', from: 10, to: 20 },
    { kind: 'backfilled', symbol: 'BTC', from: 10, to: 50 },
    { kind: 'backfilled', symbol: 'BTC', from: 500, to: 501 },
  ])
})

test('are not more than the newest hundred', () => {
  const many = Array.from({ length: 150 }, (_, i) => backfilled('BTC-USD', i * 1_000, i * 1_000 + 1))
  const outages = outagesOf(...many)
  expect(outages).toHaveLength(100)
  expect(outages.at(-1)).toMatchObject({ from: 149_000 })
})
