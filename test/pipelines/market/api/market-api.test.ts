import { gunzipSync } from 'node:zlib'
import { pino } from 'pino'
import { VirtualTimeScheduler } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { createClock } from '../../../../src/clock.ts'
import { RivuletError } from '../../../../src/errors.ts'
import { FakeMarketQueries } from '../../../support/fake-market-queries.ts'
import {
  apiOptions,
  emptyPipeline,
  type MarketWebOptions,
  marketWeb,
  withSource,
} from '../../../support/market-server.ts'

const minuteUs = 60_000_000
/** 2026-01-31T18:00:00Z */
const hourUs = 1_769_882_400_000_000

function clockAt(ms: number) {
  const scheduler = new VirtualTimeScheduler()
  scheduler.now = () => ms
  return createClock(scheduler)
}

function threeTrades(): FakeMarketQueries {
  return new FakeMarketQueries().add(
    {
      symbol: 'BTC',
      price: 77_302.99,
      volume: 0.0045,
      timestampUs: hourUs + 123_456,
      tradeId: 7,
      side: 'buy',
    },
    {
      symbol: 'ETH',
      price: 1_774.92,
      volume: 2,
      timestampUs: hourUs + 2 * minuteUs,
      tradeId: 9,
      side: 'sell',
    },
    { symbol: 'BTC', price: 77_300, volume: 1, timestampUs: hourUs + 3 * minuteUs, tradeId: 8, side: 'sell' },
  )
}

function api(queries = threeTrades(), overrides: Partial<MarketWebOptions> = {}) {
  const app = marketWeb(apiOptions(queries, { clock: clockAt(hourUs / 1000 + 4 * 60_000), ...overrides }))
  return {
    app,
    get: (path: string, headers: Record<string, string> = {}) => app.request(path, { headers }),
    json: async (path: string): Promise<unknown> => (await app.request(path)).json(),
  }
}

describe('the answers', () => {
  test('gives the newest trade of each symbol', async () => {
    expect(await api().json('/api/latest')).toEqual([
      {
        symbol: 'BTC',
        price: 77_300,
        volume: 1,
        last_update: '2026-01-31T18:03:00.000000Z',
        trade_id: 8,
        side: 'sell',
      },
      {
        symbol: 'ETH',
        price: 1_774.92,
        volume: 2,
        last_update: '2026-01-31T18:02:00.000000Z',
        trade_id: 9,
        side: 'sell',
      },
    ])
  })

  test('gives every point, page by page, each when the one before was read', async () => {
    const queries = new FakeMarketQueries()
    for (let i = 0; i < 42; i++)
      queries.add({ symbol: i % 2 ? 'BTC' : 'ETH', price: i, timestampUs: hourUs + i })
    const { get } = api(queries)
    const prices = (rows: string) => JSON.parse(rows).map(({ price }: { price: number }) => price)
    const all = Array.from({ length: 42 }, (_, i) => i)
    expect(prices(await (await get('/api/history?minutes=0')).text())).toEqual(all)
    const slow = await get('/api/history?minutes=0')
    const asked = queries.calls.historyPages ?? 0
    const reader = slow.body?.getReader()
    await reader?.read()
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate)
    expect((queries.calls.historyPages ?? 0) - asked).toBeLessThanOrEqual(1)
    queries.away()
    // What is cut off is told from what is whole.
    await expect(
      (async () => {
        while (!(await reader?.read())?.done);
      })(),
    ).rejects.toThrow('does not answer')
  })

  test('leaves out a symbol that nobody traded', async () => {
    expect(await api().json('/api/latest?symbols=DOGE')).toEqual([])
    expect(await api().json('/api/latest?symbols=btc')).toEqual([])
    expect(await api().json('/api/count?symbols=BTC,DOGE')).toEqual({ count: 2 })
  })

  test('takes an empty list of symbols for all of them', async () => {
    expect(await api().json('/api/count?symbols=')).toEqual({ count: 3 })
    expect(await api().json('/api/symbols')).toEqual(['BTC', 'ETH'])
  })

  test('gives history in order of time, with the microseconds', async () => {
    expect(await api().json('/api/history?symbols=BTC')).toEqual([
      { timestamp: '2026-01-31T18:00:00.123456Z', symbol: 'BTC', price: 77_302.99 },
      { timestamp: '2026-01-31T18:03:00.000000Z', symbol: 'BTC', price: 77_300 },
    ])
  })

  test('gives history in columns, and what is newer than their cursor', async () => {
    const queries = threeTrades()
    const { json } = api(queries)
    expect(await json('/api/history?format=columns')).toEqual({
      cursor: '0-3',
      timestamps: [1_769_882_400.123456, 1_769_882_520, 1_769_882_580],
      series: { BTC: [77_302.99, null, 77_300], ETH: [null, 1_774.92, null] },
    })
    expect(await json('/api/history?format=columns&since=0-3')).toEqual({
      cursor: '0-3',
      timestamps: [],
      series: {},
    })
    queries.add({ symbol: 'ETH', price: 1_775, timestampUs: hourUs + 3.5 * minuteUs })
    expect(await json('/api/history?format=columns&since=0-3')).toEqual({
      cursor: '0-4',
      timestamps: [1_769_882_610],
      series: { ETH: [1_775] },
    })
    expect(await json('/api/history?since=0-3')).toEqual([
      { timestamp: '2026-01-31T18:03:30.000000Z', symbol: 'ETH', price: 1_775 },
    ])
  })

  test('counts minutes back from now, and takes 0 for everything', async () => {
    expect(await api().json('/api/history?minutes=1')).toHaveLength(1)
    expect(await api().json('/api/history?minutes=2')).toHaveLength(2)
    const muchLater = { clock: clockAt(hourUs / 1000 + 400 * 86_400_000) }
    expect(await api(threeTrades(), muchLater).json('/api/history')).toHaveLength(0)
    expect(await api(threeTrades(), muchLater).json('/api/history?minutes=0')).toHaveLength(3)
    expect(await api(threeTrades(), muchLater).json('/api/stats?minutes=1440')).toEqual([])
    expect(await api(threeTrades(), muchLater).json('/api/stats')).toHaveLength(2)
  })

  test('gives what is from one time to before another, thinned within them', async () => {
    const queries = new FakeMarketQueries()
    for (let minute = 0; minute < 240; minute++)
      queries.add({ symbol: 'BTC', price: minute + 1, timestampUs: hourUs + minute * minuteUs })
    const { json } = api(queries, { clock: clockAt(hourUs / 1000 + 4 * 3_600_000) })
    const pricesOf = async (query: string) =>
      ((await json(`/api/history?${query}`)) as { price: number }[]).map(({ price }) => price)
    const halfAnHour = 'from=2026-01-31T19:00:00Z&to=2026-01-31T19:30:00Z'
    expect(await pricesOf(halfAnHour)).toEqual(Array.from({ length: 30 }, (_, i) => i + 61))
    expect(await pricesOf(`${halfAnHour}&points=30`)).toHaveLength(30)
    expect((await pricesOf(`${halfAnHour}&points=8`)).length).toBeLessThanOrEqual(8)
    expect(await pricesOf('to=1769882520000')).toEqual([1, 2])
    expect(await pricesOf('from=2026-01-31T21:58:00%2B00:00')).toEqual([239, 240])
  })

  test('gives candles of a time, of the shortest interval that makes no more than asked for', async () => {
    const queries = new FakeMarketQueries()
    for (let minute = 0; minute < 240; minute++)
      queries.add({ symbol: 'BTC', price: minute + 1, timestampUs: hourUs + minute * minuteUs })
    const { json } = api(queries, { clock: clockAt(hourUs / 1000 + 5 * 3_600_000) })
    const closes = async (query: string) =>
      ((await json(`/api/candles?${query}`)) as { close: number }[]).map(({ close }) => close)
    const span = 'from=2026-01-31T19:00:00Z&to=2026-01-31T19:30:00Z'
    expect(await closes(span)).toEqual(Array.from({ length: 30 }, (_, i) => i + 61))
    expect(await closes(`${span}&points=31`)).toHaveLength(30)
    expect(await closes(`${span}&points=30`)).toEqual([65, 70, 75, 80, 85, 90])
    expect(await closes(`${span}&points=30&interval=900`)).toEqual([75, 90])
    // Since the first trade of all.
    expect(await closes('minutes=0&points=21')).toHaveLength(16)
    // Whole ones, also where the time ends within one.
    expect(await closes(`${span}&interval=3600`)).toEqual([120])
  })

  test('counts minutes back from the newest trade in a replayed market', async () => {
    const replayed = {
      market: { kind: 'replayed', label: 'Replay', identity: 'crypto/replayed-1' } as const,
      clock: clockAt(hourUs / 1000 + 400 * 86_400_000),
    }
    expect(await api(threeTrades(), replayed).json('/api/history?minutes=1')).toHaveLength(2)
    expect(await api(threeTrades(), replayed).json('/api/stats?minutes=1&symbols=BTC')).toEqual([
      {
        symbol: 'BTC',
        tick_count: 1,
        min_price: 77_300,
        max_price: 77_300,
        avg_price: 77_300,
        total_volume: 1,
      },
    ])
    expect(await api(new FakeMarketQueries(), replayed).json('/api/history')).toEqual([])
  })

  test('asks a replayed market for its newest trade once while the table stands', async () => {
    const queries = threeTrades()
    const { get } = api(queries, {
      market: { kind: 'replayed', label: 'Replay', identity: 'crypto/replayed-1' },
    })
    const paths = ['/api/history?minutes=1', '/api/history?minutes=2', '/api/stats?minutes=1', '/api/candles']
    for (const path of paths) await get(path)
    expect(queries.calls.newestMs).toBe(1)
    queries.add({ symbol: 'BTC', price: 1, timestampUs: hourUs + 5 * minuteUs })
    for (const path of paths) await get(path)
    expect(queries.calls.newestMs).toBe(2)
  })

  test('thins each symbol to the points asked for and keeps its extremes', async () => {
    const queries = new FakeMarketQueries()
    for (let n = 0; n < 500; n++) {
      const price = n === 100 ? 1 : n === 399 ? 9_999 : 500 + (n % 7)
      queries.add({ symbol: n % 2 ? 'A' : 'B', price, timestampUs: hourUs + n * 1000 })
    }
    const rows = (await api(queries).json('/api/history?points=20')) as { symbol: string; price: number }[]
    for (const symbol of ['A', 'B']) {
      expect(rows.filter((row) => row.symbol === symbol).length).toBeLessThanOrEqual(20)
    }
    expect(Math.min(...rows.map(({ price }) => price))).toBe(1)
    expect(Math.max(...rows.map(({ price }) => price))).toBe(9_999)
  })

  test('gives the newest trades first, as many as asked for', async () => {
    expect(await api().json('/api/recent?limit=1&symbols=BTC')).toEqual([
      {
        timestamp: '2026-01-31T18:03:00.000000Z',
        symbol: 'BTC',
        price: 77_300,
        volume: 1,
        side: 'sell',
        trade_id: 8,
      },
    ])
    expect(await api().json('/api/recent')).toHaveLength(3)
  })

  test('gives candles of an interval', async () => {
    expect(await api().json('/api/candles?interval=300&symbols=BTC')).toEqual([
      {
        symbol: 'BTC',
        window_start: '2026-01-31T18:00:00.000000Z',
        window_end: '2026-01-31T18:05:00.000000Z',
        open: 77_302.99,
        high: 77_302.99,
        low: 77_300,
        close: 77_300,
        vwap: expect.closeTo((77_302.99 * 0.0045 + 77_300) / 1.0045, 8),
        avg_price: 77_301.495,
        total_volume: 1.0045,
        tick_count: 2,
        final: false,
      },
    ])
  })

  test('gives candles as columns, as a chart draws them', async () => {
    expect(await api().json('/api/candles?interval=300&symbols=BTC&format=columns')).toEqual({
      interval: 300,
      series: {
        BTC: {
          times: [hourUs / 1e6],
          open: [77_302.99],
          high: [77_302.99],
          low: [77_300],
          close: [77_300],
          volume: [1.0045],
        },
      },
      exchange: {},
    })
  })

  test("has the exchange's minutes in front of its own candles, merged and marked", async () => {
    const minute = (at: number, close: number) => ({
      startMs: hourUs / 1000 + at * 60_000,
      open: 1,
      high: 90_000,
      low: 0.5,
      close,
      volume: 2,
    })
    // The last one is of a minute that has trades of its own.
    const minutes = [minute(-61, 5), minute(-2, 6), minute(1, 7), minute(2, 8), minute(3, 9)]
    const queries = new FakeMarketQueries().add({
      symbol: 'BTC',
      price: 77_300,
      timestampUs: hourUs + 3 * 60_000_000,
    })
    const past = { version: 3, symbols: ['BTC'], minutesOf: (of: string) => (of === 'BTC' ? minutes : []) }
    const { json } = api(queries, { past, clock: clockAt(hourUs / 1000 + 240_000) })
    const asked = '/api/candles?interval=300'
    const candles = (await json(`${asked}&symbols=BTC`)) as object[]
    expect(candles).toMatchObject([
      { window_start: '2026-01-31T17:55:00.000000Z', close: 6, tick_count: null, source: 'exchange' },
      { window_start: '2026-01-31T18:00:00.000000Z', open: 1, low: 0.5, close: 77_300, total_volume: 5 },
    ])
    expect(await json(`${asked}&symbols=ETH`)).toEqual([])
    expect(await json(`${asked}&format=columns`)).toMatchObject({
      series: { BTC: { times: [hourUs / 1e6 - 300, hourUs / 1e6], close: [6, 77_300] } },
      exchange: { BTC: [{ from: hourUs / 1e6 - 300, to: hourUs / 1e6 + 300 }] },
    })
    const market = await json('/api/market?points=2')
    expect(market).toMatchObject({
      past: { BTC: { times: [hourUs / 1e6 - 60, hourUs / 1e6 + 180], prices: [6, 8] } },
      past_version: 3,
      stats: [{ symbol: 'BTC', total_volume: 1, since: '2026-01-31T18:03:00.000Z' }],
      day: [{ symbol: 'BTC', total_volume: 9, min_price: 0.5, since: '2026-01-31T16:59:00.000Z' }],
    })
    const { cursor } = market as { cursor: string }
    expect(await json(`/api/market?since=${cursor}`)).not.toHaveProperty('past')
  })

  test("has the exchange's minutes between its own candles, too, where it has none, and counts no minute twice", async () => {
    const minute = (at: number) => ({
      startMs: hourUs / 1000 + at * 60_000,
      ...{ open: 1, high: 2, low: 1, close: 1, volume: 100 },
    })
    const minutes = [0, 1, 2, 3, 4, 5, 6].map(minute)
    const own = (at: number) => ({
      symbol: 'BTC',
      price: 9,
      volume: 1,
      timestampUs: hourUs + at * 60_000_000,
    })
    const queries = new FakeMarketQueries().add(own(1), own(4), own(6))
    const past = { version: 1, symbols: ['BTC'], minutesOf: () => minutes }
    const { json } = api(queries, { past, clock: clockAt(hourUs / 1000 + 3_600_000) })
    const at = (n: number) => hourUs / 1e6 + n * 60
    expect(await json('/api/candles?format=columns')).toMatchObject({
      series: {
        BTC: { times: [0, 1, 2, 3, 4, 5, 6].map(at), volume: [100, 1, 100, 100, 1, 100, 1] },
      },
      exchange: {
        BTC: [
          { from: at(0), to: at(1) },
          { from: at(2), to: at(4) },
          { from: at(5), to: at(6) },
        ],
      },
    })
    // Which minutes a longer candle of its own has, it doesn't say.
    expect(await json('/api/candles?format=columns&interval=300')).toMatchObject({
      series: { BTC: { times: [at(0), at(5)], volume: [102, 1] } },
    })
  })

  test('tells where the pipeline stands, that it lives, whether it is ready, and its metrics', async () => {
    const { json, get } = api(threeTrades(), { metrics: async () => '# HELP x\n' })
    expect(await json('/api/pipeline')).toEqual(emptyPipeline)
    expect((await get('/healthz')).status).toBe(200)
    expect((await get('/readyz')).status).toBe(200)
    expect(await (await get('/metrics')).text()).toBe('# HELP x\n')
    const starting = await api(threeTrades(), {
      ready: () => ({ ready: false, why: 'Opening ClickHouse' }),
    }).get('/readyz')
    expect(starting.status).toBe(503)
    expect(await starting.json()).toMatchObject({
      ready: false,
      error: { code: 'NOT_READY', message: 'Opening ClickHouse' },
    })
  })
})

describe('bad input', () => {
  const symbols101 = Array.from({ length: 101 }, (_, i) => `S${i}`).join(',')
  test.each([
    ['/api/history?minutes=-1', 'minutes'],
    ['/api/history?minutes=1e999', 'minutes'],
    ['/api/history?minutes=NaN', 'minutes'],
    ['/api/history?minutes=', 'minutes'],
    ['/api/history?minutes=1.5', 'minutes'],
    ['/api/history?minutes=0x10', 'minutes'],
    ['/api/history?minutes=99999999999999999999', 'minutes'],
    ['/api/history?minutes=%D9%A1', 'minutes'],
    ['/api/history?minutes=1&minutes=2', 'minutes'],
    ['/api/stats?minutes=1%20OR%201=1', 'minutes'],
    ['/api/history?points=1', 'points'],
    ['/api/history?points=1000000', 'points'],
    ['/api/history?from=yesterday', 'from'],
    ['/api/history?from=999999999999999', 'from'],
    ['/api/history?from=1769882400000&to=1769882400000', 'to'],
    ['/api/history?to=1769882400000&minutes=60', 'minutes'],
    ['/api/candles?to=2026-01-31', 'to'],
    ['/api/candles?format=csv', 'format'],
    ['/api/candles?points=1', 'points'],
    ['/api/history?format=csv', 'format'],
    ['/api/history?since=', 'since'],
    ['/api/history?since=now', 'since'],
    ['/api/history?since=0-4', 'since'],
    ['/api/history?since=0-1_0-2', 'since'],
    [`/api/history?since=${'0-1_'.repeat(3000)}`, 'since'],
    ['/api/candles?interval=61', 'interval'],
    ['/api/candles?interval=__proto__', 'interval'],
    ['/api/market?limit=0', 'limit'],
    ['/api/market?points=1', 'points'],
    ['/api/market?since=9-9', 'since'],
    ['/api/recent?limit=0', 'limit'],
    ['/api/recent?limit=1001', 'limit'],
    ['/api/recent?limit=20;DROP', 'limit'],
    [`/api/latest?symbols=${symbols101}`, 'symbols'],
    [`/api/latest?symbols=${'A'.repeat(10_000)}`, 'symbols'],
    ["/api/latest?symbols=BTC'%20OR%20'1'='1", 'symbols'],
    ['/api/latest?symbols=%ff%fe', 'symbols'],
    ['/api/latest?symbols=BTC%00', 'symbols'],
    ['/api/latest?symbols=BTC,,ETH', 'symbols'],
    ['/api/latest?symbols=BTC&symbols=ETH', 'symbols'],
    ['/api/stream?since=9-9', 'since'],
  ])('refuses %s and names the parameter', async (path, parameter) => {
    const queries = threeTrades()
    const response = await api(queries).get(path)
    expect(response.status).toBe(400)
    expect(await response.json()).toEqual({
      error: { code: 'BAD_REQUEST', message: expect.stringContaining(parameter), parameter },
    })
    // Nothing but the position is asked for a request that is refused.
    expect(Object.keys(queries.calls).filter((name) => name !== 'position')).toEqual([])
  })

  test('accepts a hundred symbols', async () => {
    const symbols100 = symbols101.slice(0, symbols101.lastIndexOf(','))
    expect((await api().get(`/api/latest?symbols=${symbols100}`)).status).toBe(200)
  })

  test('refuses a cursor ahead of the data on resuming a stream', async () => {
    const response = await api().get('/api/stream', { 'last-event-id': '0-99' })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: { parameter: 'Last-Event-ID' } })
  })

  test.each([
    '/nothing',
    '/api/nothing',
    '/../package.json',
    '/%2e%2e/package.json',
    '/vendor/uplot/../../package.json',
    '/market.html',
  ])('answers 404 to %s', async (path) => {
    const response = await api().get(path)
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ error: { code: 'NOT_FOUND' } })
  })

  test('answers 405 to another method, and says which is right', async () => {
    const response = await api().app.request('/api/latest', { method: 'POST' })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('GET, HEAD')
  })

  test.each([
    ['405', '/api/latest', 'POST'],
    ['404', '/nowhere', 'GET'],
    ['400', '/api/recent?limit=x', 'GET'],
  ])('is what its content-encoding says, with %s too', async (_, path, method) => {
    const headers = { 'accept-encoding': 'gzip' }
    const response = await api().app.request(path, { method, headers })
    const body = Buffer.from(await response.arrayBuffer())
    const isCompressed = response.headers.get('content-encoding') === 'gzip'
    expect(JSON.parse(String(isCompressed ? gunzipSync(body) : body))).toHaveProperty('error.code')
  })

  test('answers 405 to another method, however large its body', async () => {
    const headers = { 'content-length': '70000' } // as a socket brings it
    const body = 'x'.repeat(70_000)
    const response = await api().app.request('/api/latest', { method: 'POST', headers, body })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })
})

test('names the products in their order, with the step between two prices', async () => {
  const products = [
    { product: 'XRP-EUR', symbol: 'XRP', quote: 'EUR', tick: 0.0001, name: 'XRP/EUR' },
    { product: 'BTC-USD', symbol: 'BTC', quote: 'USD', tick: null, name: 'BTC-USD' },
  ]
  expect(await api(threeTrades(), { products: () => products }).json('/api/products')).toEqual(products)
})

describe('the market as a page shows it', () => {
  interface Answer {
    readonly cursor: string
    readonly latest: readonly { symbol: string; price: number }[]
    readonly recent: readonly { trade_id: number }[]
    readonly stats: readonly object[]
    readonly count: number
    readonly timestamps: readonly number[]
    readonly series: Readonly<Record<string, readonly (number | null)[]>>
  }
  const marketOf = (queries: FakeMarketQueries, query = '') =>
    api(queries).json(`/api/market${query}`) as Promise<Answer>

  test('is what the single answers say, with how the pipeline is', async () => {
    const outages = [{ kind: 'away', symbol: null, from: 1_769_882_400, to: 1_769_882_460 }] as const
    const { json } = api(threeTrades(), { outages: () => outages })
    const [latest, recent, columns] = await Promise.all(
      ['/api/latest', '/api/recent', '/api/history?format=columns'].map(json),
    )
    expect(await json('/api/market')).toEqual({
      market: 'simulated',
      latest,
      recent,
      stats: expect.any(Array),
      count: 3,
      ...(columns as object),
      counters: emptyPipeline.counters,
      sources: emptyPipeline.sources,
      lag: 0,
      outages,
      day: [],
      past: {},
      past_version: 0,
    })
  })

  test('says that the feed is away only where it is read', async () => {
    const outages = [{ kind: 'away', symbol: null, from: 1_769_882_400, to: null }] as const
    const told = (state: 'waiting' | 'elsewhere') =>
      api(threeTrades(), { outages: () => outages, pipeline: () => withSource({ state }) }).json(
        '/api/market',
      )
    expect(await told('waiting')).toMatchObject({ outages })
    expect(await told('elsewhere')).toMatchObject({ outages: [] })
  })

  test('says of statistics what they cover, and the volume in the currency of the price', async () => {
    const queries = threeTrades().add({
      symbol: 'OLD',
      price: 5,
      volume: 10,
      timestampUs: hourUs - 2000 * minuteUs,
    })
    queries.add({ symbol: 'OLD', price: 7, volume: 10, timestampUs: hourUs })
    const { stats } = await marketOf(queries)
    expect(stats).toMatchObject([
      { symbol: 'BTC', since: '2026-01-31T18:00:00.000Z', total_volume: 1.0045 },
      { symbol: 'ETH', since: '2026-01-31T18:02:00.000Z', quote_volume: 2 * 1_774.92 },
      { symbol: 'OLD', since: '2026-01-30T18:04:00.000Z', total_volume: 10, quote_volume: 70 },
    ])
  })

  test('is only what is newer for who has a cursor of it', async () => {
    const queries = threeTrades()
    const { cursor } = await marketOf(queries)
    expect(await marketOf(queries, `?since=${cursor}`)).toMatchObject({
      latest: [],
      recent: [],
      series: {},
      count: 3,
    })
    queries.add({ symbol: 'BTC', price: 9, timestampUs: hourUs + 3 * minuteUs + 1, tradeId: 10 })
    const newer = await marketOf(queries, `?since=${cursor}`)
    expect(newer).toMatchObject({
      latest: [{ symbol: 'BTC', price: 9 }],
      recent: [{ trade_id: 10 }],
      series: { BTC: [9] },
      count: 4,
    })
    expect(newer.stats).toHaveLength(2)
    expect(await marketOf(queries, `?since=${newer.cursor}`)).toMatchObject({ latest: [] })
  })

  test('is what is newer, too, where that is stored long after it was traded', async () => {
    const queries = threeTrades()
    const { cursor } = await marketOf(queries)
    queries.add({ symbol: 'ETH', price: 9, timestampUs: hourUs - 600 * minuteUs, tradeId: 10 })
    queries.add({ symbol: 'OLD', price: 8, timestampUs: hourUs - 600 * minuteUs, tradeId: 11 })
    expect(await marketOf(queries, `?minutes=5&since=${cursor}`)).toMatchObject({
      latest: [{ symbol: 'ETH', price: 1_774.92 }, { symbol: 'OLD' }],
      series: { ETH: [9], OLD: [8] },
    })
  })

  test('is read anew when trades come while it is read, so that all of it is of one moment', async () => {
    const queries = threeTrades()
    const count = queries.count.bind(queries)
    queries.count = (symbols) => {
      queries.count = count
      const counted = count(symbols)
      queries.add({ symbol: 'BTC', price: 9, timestampUs: hourUs + 4 * minuteUs })
      return counted
    }
    const { latest, count: counted, series } = await marketOf(queries)
    expect(counted).toBe(4)
    expect(latest[0]?.price).toBe(9)
    expect(series.BTC?.at(-1)).toBe(9)
  })

  test.each(['simulated', 'replayed'] as const)(
    'is asked of the tables once a position by 200 pages of a %s market, wherever each of them stands',
    async (kind) => {
      const queries = threeTrades()
      const { json } = api(queries, { market: { kind, label: 'Market', identity: 'crypto/1' } })
      const cursors = ['', '?since=0-1', '?since=0-2', '?since=0-3']
      const pages = Array.from({ length: 200 }, (_, page) => `/api/market${cursors[page % cursors.length]}`)
      const kinds = ['latest', 'recent', 'stats', 'firstMinutes', 'vwap', 'count']
      for (const position of [1, 2, 3]) {
        await Promise.all(pages.map(json))
        const { history, newestMs = 0, ...calls } = queries.calls
        for (const each of kinds) expect([each, calls[each]]).toEqual([each, position])
        expect(newestMs).toBe(kind === 'replayed' ? position : 0)
        // What is newer than a cursor is another question for each cursor.
        expect(history).toBe(position * cursors.length)
        queries.add({ symbol: 'BTC', price: 9, timestampUs: hourUs + (4 + position) * 1e6 })
      }
    },
  )
})

describe('while the database is away', () => {
  test.each(['latest', 'market', 'history', 'candles', 'recent', 'stats', 'count', 'symbols', 'stream'])(
    '/api/%s answers 503 and when to come back',
    async (name) => {
      const queries = threeTrades()
      queries.away()
      const response = await api(queries).get(`/api/${name}`)
      expect(response.status).toBe(503)
      expect(response.headers.get('retry-after')).toBe('2')
      expect(await response.json()).toMatchObject({ error: { code: 'CLICKHOUSE_UNREACHABLE' } })
    },
  )

  test('says so in the log once in a while, however many ask', async () => {
    const lines: string[] = []
    const queries = threeTrades()
    queries.away()
    let nowMs = 0
    const scheduler = new VirtualTimeScheduler()
    scheduler.now = () => nowMs
    const logger = pino({ level: 'info' }, { write: (line) => lines.push(line) })
    const { get } = api(queries, { logger, clock: createClock(scheduler) })
    for (let i = 0; i < 5; i++) await get('/api/count')
    expect(lines).toHaveLength(1)
    nowMs = 60_000
    await get('/api/latest')
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ requests: 1 }, { requests: 5 }])
    expect(lines.join()).not.toContain('    at ')
  })

  test('answers again as soon as it is back: a failure is not kept', async () => {
    const queries = threeTrades()
    const { get, json } = api(queries)
    queries.away()
    await get('/api/count')
    queries.back()
    expect(await json('/api/count')).toEqual({ count: 3 })
  })

  test('tells nothing of an error that nobody expected', async () => {
    const queries = threeTrades()
    for (const failure of [
      new Error('secret: /home/user/data'),
      new RivuletError('CLICKHOUSE_FAILED', 'secret: SELECT … FROM ticks'),
    ]) {
      queries.failure = failure
      const response = await api(queries).get('/api/latest')
      const text = await response.text()
      expect(response.status).toBe(500)
      expect(text).not.toContain('secret')
      expect(text).not.toContain('at ')
    }
  })
})

const getPaths = [
  '/',
  '/crypto',
  '/market.js',
  '/market.css',
  '/shared/icon.svg',
  '/vendor/uplot/uPlot.esm.js',
  '/vendor/uplot/uPlot.min.css',
  '/api/latest',
  '/api/market',
  '/api/history',
  '/api/history?format=columns',
  '/api/candles',
  '/api/recent',
  '/api/stats',
  '/api/count',
  '/api/symbols',
  '/api/products',
  '/api/pipeline',
  '/healthz',
  '/readyz',
  '/metrics',
]

describe('every answer', () => {
  test.each([...getPaths, '/nothing', '/api/history?minutes=x'])(
    '%s carries the market and the safe headers',
    async (path) => {
      const { headers } = await api().get(path)
      expect(headers.get('x-rivulet-market')).toBe('simulated')
      expect(headers.get('x-rivulet-identity')).toBe('crypto/simulated-7')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      const policy = headers.get('content-security-policy') ?? ''
      expect(policy).toContain("default-src 'none'")
      expect(policy).not.toContain('unsafe')
    },
  )

  test.each(getPaths)('%s is tagged, and unchanged is 304 with the same headers', async (path) => {
    const { get } = api()
    const first = await get(path)
    const tag = first.headers.get('etag') ?? ''
    expect(first.status).toBe(200)
    expect(tag).toMatch(/^(W\/)?"[^"]+"$/)
    const again = await get(path, { 'if-none-match': tag })
    expect(again.status).toBe(304)
    expect(await again.text()).toBe('')
    expect(again.headers.get('x-rivulet-market')).toBe('simulated')
    expect(again.headers.get('content-security-policy')).toBe(first.headers.get('content-security-policy'))
    // What a compressed answer was tagged with is the same tag, weakly.
    const compressed = await get(path, {
      'if-none-match': tag.startsWith('W/') ? tag : `W/${tag}`,
      'accept-encoding': 'gzip',
    })
    expect(compressed.status).toBe(304)
  })

  test.each([...getPaths, '/nothing', '/api/stream'])('HEAD of %s is GET without the body', async (path) => {
    const { app, get } = api()
    const head = await app.request(path, { method: 'HEAD' })
    const full = await get(path)
    expect(head.status).toBe(full.status)
    expect(await head.text()).toBe('')
    for (const name of ['etag', 'content-type', 'x-rivulet-market']) {
      expect(head.headers.get(name)).toBe(full.headers.get(name))
    }
    await full.body?.cancel()
  })

  test('is compressed for those who take it', async () => {
    const { get } = api()
    expect((await get('/market.css', { 'accept-encoding': 'gzip' })).headers.get('content-encoding')).toBe(
      'gzip',
    )
    expect((await get('/market.css')).headers.get('content-encoding')).toBeNull()
  })
})

describe('an idle poll', () => {
  test('asks the tables for nothing but their position', async () => {
    const queries = threeTrades()
    const { get } = api(queries)
    const paths = [
      '/api/latest',
      '/api/history?since=0-3',
      '/api/recent',
      '/api/stats?minutes=1440',
      '/api/count',
    ]
    for (const path of paths) await get(path)
    const before = { ...queries.calls }
    for (const path of paths) expect((await get(path)).status).toBe(200)
    expect(queries.calls).toEqual({ ...before, position: before.position! + paths.length })
  })

  test('asks for the position once for all who ask at the same time', async () => {
    const queries = threeTrades()
    const { json } = api(queries)
    await Promise.all(Array.from({ length: 50 }, () => json('/api/count')))
    expect(queries.calls).toEqual({ position: 1, count: 1 })
  })

  test('does not wait for others whose question hangs', async () => {
    const queries = threeTrades()
    let nowMs = hourUs / 1000
    const scheduler = new VirtualTimeScheduler()
    scheduler.now = () => nowMs
    const { json } = api(queries, { clock: createClock(scheduler) })
    queries.gate = new Promise(() => {})
    void json('/api/count')
    queries.gate = null
    nowMs += 1_000
    expect(await json('/api/count')).toEqual({ count: 3 })
  })

  test('is answered anew once a trade came', async () => {
    const queries = threeTrades()
    const { json } = api(queries)
    expect(await json('/api/count')).toEqual({ count: 3 })
    queries.add({ symbol: 'BTC', price: 1, timestampUs: hourUs })
    expect(await json('/api/count')).toEqual({ count: 4 })
  })
})

describe('the pages', () => {
  test('are the one of the program, and the other one leads there', async () => {
    const { get } = api(threeTrades(), { page: 'stocks' })
    const pages = await Promise.all(['/', '/stocks'].map(async (path) => (await get(path)).text()))
    expect(pages[0]).toBe(pages[1])
    expect(pages[0]).toContain('data-page="stocks"')
    const other = await get('/crypto')
    expect(other.status).toBe(302)
    expect(other.headers.get('location')).toBe('/')
  })

  test('have no inline script or style, and nothing of another host', async () => {
    const html = await (await api().get('/')).text()
    expect(html).not.toMatch(/<style|style=|<script(?![^>]*src=)|\son\w+=|(src|href)="(https?:)?\/\//)
  })

  test('load files that may be kept for ever, each at once, for others have another name', async () => {
    const { get } = api()
    const html = await (await get('/')).text()
    const paths = [...html.matchAll(/<(?:link|script|img)[^>]* (?:href|src)="(\/[^"]+)"/g)].map(
      ([, path = '']) => path,
    )
    expect(paths).toContainEqual(expect.stringMatching(/^\/[\w-]{12}\/shared\/boot\.js$/))
    expect(paths).toContainEqual(expect.stringMatching(/^\/[\w-]{12}\/vendor\/uplot\/uPlot\.esm\.js$/))
    for (const path of new Set(paths)) {
      const { status, headers } = await get(path)
      expect([path, status, headers.get('cache-control')]).toEqual([
        path,
        200,
        'public, max-age=31536000, immutable',
      ])
    }
  })

  test('show the label as text', async () => {
    const { get } = api(threeTrades(), {
      market: { kind: 'replayed', label: 'Replay of <b>"x"&.jsonl', identity: 'crypto/replayed-1' },
    })
    const html = await (await get('/')).text()
    expect(html).toContain('Replay of &#60;b&#62;&#34;x&#34;&#38;.jsonl')
  })
})
