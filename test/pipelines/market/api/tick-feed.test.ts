import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Cursor } from '../../../../pipelines/market/api/market-queries.ts'
import { TickFeed, type TickFeedOptions } from '../../../../pipelines/market/api/tick-feed.ts'
import { type Clock, systemClock } from '../../../../src/clock.ts'
import { silentLogger } from '../../../../src/logger.ts'
import { FakeMarketQueries } from '../../../support/fake-market-queries.ts'

const start: Cursor = new Map()

function feedOf(queries: FakeMarketQueries, options: Partial<TickFeedOptions> = {}): TickFeed {
  return new TickFeed({ queries, clock: systemClock, logger: silentLogger, pollMs: 1, ...options })
}

function addTrades(
  queries: FakeMarketQueries,
  count: number,
  { symbols = ['BTC', 'ETH'], partitions = 1 } = {},
) {
  for (let n = 0; n < count; n++) {
    const symbol = symbols[n % symbols.length]!
    queries.add({ symbol, price: n, timestampUs: n, partition: (n % symbols.length) % partitions })
  }
}

/** Reads until `count` ticks came; returns their prices, and how the reading can go on. */
async function read(feed: TickFeed, from: Cursor, count: number, symbols: readonly string[] | null = null) {
  const stop = new AbortController()
  const prices: number[] = []
  let cursor = from
  if (count > 0) {
    for await (const batch of feed.listen(from, symbols, stop.signal)) {
      prices.push(...batch.ticks.map(({ price }) => price))
      cursor = batch.cursor
      if (prices.length >= count) break
    }
  }
  return { prices, cursor }
}

test('gives every tick once and in order, those that were there and those that come', async () => {
  const queries = new FakeMarketQueries()
  addTrades(queries, 1200)
  const feed = feedOf(queries)
  const stop = new AbortController()
  const prices: number[] = []
  for await (const { ticks } of feed.listen(start, null, stop.signal)) {
    prices.push(...ticks.map(({ price }) => price))
    if (prices.length === 1200) queries.add({ symbol: 'BTC', price: 1200, timestampUs: 5 })
    if (prices.length === 1201) break
  }
  expect(prices).toEqual(Array.from({ length: 1201 }, (_, n) => n))
})

test('resumes behind its cursor, wherever it stopped', async () => {
  const queries = new FakeMarketQueries()
  addTrades(queries, 1100)
  const feed = feedOf(queries)
  const first = await read(feed, start, 1)
  expect(first.prices.length).toBeLessThan(1100)
  const second = await read(feed, first.cursor, 1100 - first.prices.length)
  expect([...first.prices, ...second.prices]).toEqual(Array.from({ length: 1100 }, (_, n) => n))
})

test('gives only the symbols asked for', async () => {
  const queries = new FakeMarketQueries()
  addTrades(queries, 40)
  expect((await read(feedOf(queries), start, 20, ['ETH'])).prices).toEqual(
    Array.from({ length: 20 }, (_, n) => 2 * n + 1),
  )
})

test('reads the table once for all who keep up', async () => {
  const queries = new FakeMarketQueries()
  addTrades(queries, 10)
  const feed = feedOf(queries)
  const from = await queries.position()
  const listeners = Array.from({ length: 20 }, () => read(feed, from, 600))
  addTrades(queries, 600)
  const all = await Promise.all(listeners)
  for (const { prices } of all) expect(prices).toEqual(Array.from({ length: 600 }, (_, n) => n))
  expect(queries.calls.ticksAfter).toBeLessThanOrEqual(2)
})

test('lets a slow listener catch up from the table when the kept ticks are gone', async () => {
  const queries = new FakeMarketQueries()
  const feed = feedOf(queries, { keptTicksMax: 10 })
  const stop = new AbortController()
  const slow = feed.listen(start, null, stop.signal)
  queries.add({ symbol: 'BTC', price: -1, timestampUs: 1 })
  const first = await slow.next()
  expect(first.value?.ticks.map(({ price }) => price)).toEqual([-1])
  addTrades(queries, 2000)
  // Another one keeps up meanwhile.
  await read(feed, await queries.position().then(() => start), 2001)
  const prices: number[] = []
  while (prices.length < 2000)
    prices.push(...((await slow.next()).value?.ticks ?? []).map(({ price }) => price))
  expect(prices).toEqual(Array.from({ length: 2000 }, (_, n) => n))
  expect(feed.keptTicks).toBeLessThanOrEqual(10)
  stop.abort()
  expect((await slow.next()).done).toBe(true)
})

test('waits while the database is away, and misses nothing', async () => {
  const queries = new FakeMarketQueries()
  addTrades(queries, 3)
  const feed = feedOf(queries)
  const stop = new AbortController()
  const ticks = feed.listen(start, null, stop.signal)
  expect((await ticks.next()).value?.ticks).toHaveLength(3)
  queries.away()
  const next = ticks.next()
  queries.add({ symbol: 'BTC', price: 99, timestampUs: 9 })
  const failed = queries.calls.position!
  while (queries.calls.position! < failed + 2) await new Promise(setImmediate)
  queries.back()
  expect((await next).value?.ticks.map(({ price }) => price)).toEqual([99])
  stop.abort()
})

test('says that nothing came when nothing came for a while', async () => {
  const feed = feedOf(new FakeMarketQueries().add({ symbol: 'BTC', price: 1, timestampUs: 1 }), { idleMs: 5 })
  const stop = new AbortController()
  const ticks = feed.listen(new Map([[0, 1]]), null, stop.signal)
  expect((await ticks.next()).value).toEqual({ ticks: [], cursor: new Map([[0, 1]]) })
  stop.abort()
})

test('stops asking the table when the last listener has gone', async () => {
  const queries = new FakeMarketQueries()
  addTrades(queries, 3)
  const waits: (AbortSignal | undefined)[] = []
  const sleep: Clock['sleep'] = (ms, signal) => {
    waits.push(signal)
    return systemClock.sleep(ms, signal)
  }
  const feed = feedOf(queries, { clock: { ...systemClock, sleep } })
  const listening = [read(feed, start, 4), read(feed, start, 4)]
  while (waits.length < 10) await new Promise(setImmediate)
  expect(feed.listeners).toBe(2)
  queries.add({ symbol: 'BTC', price: 3, timestampUs: 4 })
  await Promise.all(listening)
  expect(feed.listeners).toBe(0)
  expect(feed.keptTicks).toBe(0)
  expect(waits.every((signal) => signal?.aborted)).toBe(true)
})

test('brings a listener that catches up back to where the others are, so that they share what comes', async () => {
  const queries = new FakeMarketQueries()
  addTrades(queries, 1100)
  let poll = () => {}
  const sleep: Clock['sleep'] = (ms, signal) =>
    ms === 7 ? new Promise((resolve) => (poll = resolve)) : systemClock.sleep(ms, signal)
  const feed = feedOf(queries, { pollMs: 7, clock: { ...systemClock, sleep } })
  const stop = new AbortController()
  const ticks = feed.listen(start, null, stop.signal)
  const lengths: (number | undefined)[] = []
  const next = async () => lengths.push((await ticks.next()).value?.ticks.length)
  await next()
  // It comes after the feed looked, and before the listener is through.
  queries.add({ symbol: 'BTC', price: 1100, timestampUs: 1100 })
  await next()
  await next()
  queries.add({ symbol: 'BTC', price: 1101, timestampUs: 1101 })
  poll()
  await next()
  expect(lengths).toEqual([500, 500, 100, 2])
  expect(queries.calls.ticksAfter).toBe(4)
  stop.abort()
})

test('gives each symbol whole and in order, over several partitions, however it is cut into resumptions', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 6 }),
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom(5, 10_000),
      async (stops, partitions, keptTicksMax) => {
        const queries = new FakeMarketQueries()
        addTrades(queries, 120, { symbols: ['A', 'B', 'C'], partitions })
        const feed = feedOf(queries, { keptTicksMax })
        const prices: number[] = []
        let cursor = start
        for (const count of [...stops, Number.POSITIVE_INFINITY]) {
          const part = await read(feed, cursor, Math.min(count, 120 - prices.length))
          prices.push(...part.prices)
          cursor = part.cursor
        }
        for (const residue of [0, 1, 2]) {
          expect(prices.filter((price) => price % 3 === residue)).toEqual(
            Array.from({ length: 40 }, (_, n) => 3 * n + residue),
          )
        }
      },
    ),
    { numRuns: 30 },
  )
})
