import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { History, MarketQueries, TimeSpan } from '../../../../pipelines/market/api/market-queries.ts'
import { clickhouseQueries } from '../../../../pipelines/market/queries/clickhouse-queries.ts'
import { candlesTable, ticksTable } from '../../../../pipelines/market/tables.ts'
import type { ClickHouse } from '../../../../src/clickhouse/client.ts'
import { clickhouse } from '../../../../src/clickhouse/sink.ts'
import { chunkOf } from '../../../../src/records/chunk.ts'
import { sinkContext, startTestClickHouse, type TestClickHouse } from '../../../support/clickhouse.ts'
import { FakeMarketQueries, type FakeTrade, isoOfUs } from '../../../support/fake-market-queries.ts'

let engine: TestClickHouse
let markets = 0

beforeAll(async () => {
  engine = await startTestClickHouse()
})
afterAll(() => engine.close())

interface Market {
  readonly connection: ClickHouse
  readonly sql: MarketQueries
  readonly oracle: FakeMarketQueries
}

/** The same trades in tables of their own and in memory; the candles are the oracle's of one minute. */
async function marketOf(
  trades: readonly Required<FakeTrade>[],
  kind: 'embedded' | 'server' = 'embedded',
): Promise<Market> {
  markets += 1
  const tablePrefix = `m${markets}_`
  const connection = await engine.connect({
    tablePrefix,
    ...(kind === 'embedded' && { url: undefined, path: engine.path }),
  })
  const oracle = new FakeMarketQueries().add(...trades)

  const ticks = await clickhouse(ticksTable).open(connection, sinkContext())
  for (const partition of new Set(trades.map((trade) => trade.partition))) {
    const own = trades.filter((trade) => trade.partition === partition)
    const batch = ticks.begin('stock-ticks', partition)
    const records = own.map((trade, offset) => ({
      key: trade.symbol,
      value: {
        symbol: trade.symbol,
        price: trade.price,
        volume: trade.volume,
        timestamp: isoOfUs(trade.timestampUs),
        trade_id: trade.tradeId,
        side: trade.side,
        exchange: 'test',
      },
      timestampMs: 0,
      offset,
    }))
    batch.append(chunkOf(records, { topic: 'stock-ticks', partition }), own.length)
    await ticks.write(batch)
  }

  const minutes = await oracle.candles({ symbols: null, sinceMs: null, untilMs: null, intervalSeconds: 60 })
  const candles = await clickhouse(candlesTable).open(connection, sinkContext())
  const batch = candles.begin('stock-ticks', 0)
  const closed = minutes.map((candle, offset) => ({
    key: {
      key: candle.symbol,
      startMs: Date.parse(candle.window_start),
      endMs: Date.parse(candle.window_end),
    },
    value: { ...candle, min_price: candle.low, max_price: candle.high },
    timestampMs: 0,
    offset,
  }))
  batch.append(chunkOf(closed), closed.length)
  await candles.write(batch)

  return { connection, sql: queriesOf(connection), oracle }
}

function queriesOf(connection: ClickHouse): MarketQueries {
  return clickhouseQueries({
    clickhouse: connection,
    ticks: ticksTable.name,
    candles: candlesTable.name,
    topic: 'stock-ticks',
  })
}

const startUs = Date.UTC(2026, 0, 31, 18, 41, 18) * 1000

function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state / 2 ** 31
  }
}

/** Two partitions, equal times, out of order now and then. */
function tape(count: number, seed = 1, stepUs = 900_000): Required<FakeTrade>[] {
  const next = random(seed)
  const symbols = ['BTC', 'ETH', "O'Neil\\\t"]
  return Array.from({ length: count }, (_, i) => {
    const which = Math.floor(next() * symbols.length)
    return {
      symbol: symbols[which] as string,
      price: Math.round(next() * 100_000) / 100,
      volume: next() + 0.000001,
      timestampUs: startUs + (i - (next() < 0.1 ? 3 : 0)) * stepUs + Math.floor(next() * 3) * 100_001,
      tradeId: i + 1,
      side: next() < 0.5 ? 'buy' : 'sell',
      partition: which % 2,
    }
  })
}

/** Sums of floats depend on the order in which they are added. */
function close(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, part) =>
    typeof part === 'number' ? Number(part.toPrecision(12)) : part,
  )
}

/** Among equal times of different symbols no order is promised. */
function plain({ symbols, timestampsUs, prices, cursor }: History) {
  return {
    points: symbols.map((symbol, i) => `${timestampsUs[i]} ${symbol} ${prices[i]}`),
    cursor: Object.fromEntries(cursor),
  }
}

describe.each(['embedded', 'server'] as const)(
  'the queries of the market, %s, answer as the oracle does:',
  (kind) => {
    let market: Market
    beforeAll(async () => {
      market = await marketOf(tape(1_000), kind)
    })
    const choices = [null, ['BTC'], ['ETH', "O'Neil\\\t", 'nobody'], ['nobody']]
    const times = [
      null,
      startUs / 1000,
      startUs / 1000 + 60_500,
      startUs / 1000 + 333_333.123,
      startUs / 1000 + 1e9,
    ]

    test('where the table ends', async () => {
      expect(await market.sql.position()).toEqual(await market.oracle.position())
      expect(await market.sql.newestMs()).toBe(await market.oracle.newestMs())
      expect(await market.sql.symbols()).toEqual(await market.oracle.symbols())
    })

    test.each(choices.map((symbols) => ({ symbols })))(
      'latest, count and recent of $symbols',
      async ({ symbols }) => {
        expect(await market.sql.latest(symbols)).toEqual(await market.oracle.latest(symbols))
        expect(await market.sql.count(symbols)).toEqual(await market.oracle.count(symbols))
        for (const limit of [1, 20, 1000]) {
          expect(await market.sql.recent({ symbols, limit })).toEqual(
            await market.oracle.recent({ symbols, limit }),
          )
        }
      },
    )

    test('stats since any time', async () => {
      for (const symbols of choices) {
        for (const sinceMs of times) {
          expect(close(await market.sql.stats({ symbols, sinceMs }))).toEqual(
            close(await market.oracle.stats({ symbols, sinceMs })),
          )
        }
      }
    })

    test('first minutes, and average prices by volume since any time', async () => {
      for (const symbols of choices) {
        expect(await market.sql.firstMinutes(symbols)).toEqual(await market.oracle.firstMinutes(symbols))
        for (const sinceMs of times) {
          expect(close(await market.sql.vwap({ symbols, sinceMs }))).toEqual(
            close(await market.oracle.vwap({ symbols, sinceMs })),
          )
        }
      }
    })

    test('candles of each interval, since and until any time', async () => {
      for (const intervalSeconds of [60, 300, 900, 86_400]) {
        for (const sinceMs of times) {
          const untilMs = sinceMs === null ? null : sinceMs + 400_000
          for (const query of [
            { symbols: null, sinceMs, untilMs: null, intervalSeconds },
            { symbols: ['BTC'], sinceMs: null, untilMs, intervalSeconds },
          ]) {
            expect(close(await market.sql.candles(query))).toEqual(close(await market.oracle.candles(query)))
          }
        }
      }
    })

    test('every point of the history since any time, until another, and after any cursor', async () => {
      for (const symbols of choices) {
        for (const sinceMs of times) {
          for (const after of [
            null,
            new Map([[0, 100]]),
            new Map([
              [0, 300],
              [1, 1_000],
            ]),
          ]) {
            const untilMs = sinceMs === null ? null : sinceMs + 123_456
            const query = { symbols, sinceMs, untilMs, after, pointsMax: null }
            const whole = plain(await market.oracle.history(query))
            expect(plain(await market.sql.history(query))).toEqual(whole)
            const paged: string[] = []
            for await (const page of market.sql.historyPages(query)) paged.push(...plain(page).points)
            expect(paged).toEqual(whole.points)
          }
        }
      }
    })

    test('every tick once and in order of its partition, in pages of any size', async () => {
      for (const symbols of choices) {
        for (const limit of [1_000_000, 100]) {
          const seen: number[] = []
          let cursor: ReadonlyMap<number, number> = new Map()
          for (;;) {
            const page = await market.sql.ticksAfter(cursor, symbols, limit, null)
            seen.push(...page.ticks.map((tick) => tick.trade_id))
            cursor = page.cursor
            if (page.ticks.length < limit) break
          }
          const all = await market.oracle.ticksAfter(new Map(), symbols, 1_000_000, null)
          expect([...seen].sort((a, b) => a - b)).toEqual(all.ticks.map((tick) => tick.trade_id))
          expect(cursor).toEqual(await market.oracle.position())
        }
      }
    })

    test('nothing behind `until`', async () => {
      const until = new Map([
        [0, 10],
        [1, 5],
      ])
      const page = await market.sql.ticksAfter(new Map([[0, 4]]), null, 1_000, until)
      expect(page.ticks).toHaveLength(11)
      expect(page.cursor).toEqual(until)
    })
  },
)

describe('a history with few points', () => {
  async function thinned({ sql, oracle }: Market, span: TimeSpan, pointsMax: number) {
    const thin = await sql.history({ symbols: null, ...span, after: null, pointsMax })
    const whole = await oracle.history({ symbols: null, ...span, after: null, pointsMax: null })
    return { thin, whole }
  }

  function check({ thin, whole }: { thin: History; whole: History }, pointsMax: number) {
    const points = (history: History) =>
      history.symbols.map((symbol, i) => ({
        symbol,
        us: history.timestampsUs[i] as number,
        price: history.prices[i] as number,
      }))
    const all = points(whole)
    const kept = points(thin)
    const there = new Set(all.map((point) => JSON.stringify(point)))
    expect(kept.filter((point) => !there.has(JSON.stringify(point)))).toEqual([])
    expect(kept.map((point) => point.us)).toEqual(kept.map((point) => point.us).sort((a, b) => a - b))
    for (const symbol of new Set(all.map((point) => point.symbol))) {
      const before = all.filter((point) => point.symbol === symbol)
      const after = kept.filter((point) => point.symbol === symbol)
      const prices = (of: typeof before) => of.map((point) => point.price)
      expect(after.length).toBeLessThanOrEqual(pointsMax)
      expect(after.length).toBeGreaterThan(Math.min(before.length, pointsMax) / 4)
      expect(Math.min(...prices(after))).toBe(Math.min(...prices(before)))
      expect(Math.max(...prices(after))).toBe(Math.max(...prices(before)))
      expect(after[0]?.us).toBe(before[0]?.us)
      expect(after.at(-1)).toEqual(before.at(-1))
      if (before.length <= pointsMax) expect(after).toHaveLength(before.length)
    }
    expect(thin.cursor).toEqual(whole.cursor)
  }

  test('keeps first, last, lowest and highest of each symbol, out of trades or out of minutes', async () => {
    for (const stepUs of [50_000, 900_000, 60_000_000]) {
      const market = await marketOf(tape(3_000, 7, stepUs))
      for (const pointsMax of [4, 5, 100, 2_000]) {
        for (const [sinceMs, untilMs] of [
          [null, null],
          [null, startUs / 1000 + stepUs * 2 + 0.5],
          [startUs / 1000 + stepUs + 0.5, null],
          [startUs / 1000 + 61_234, startUs / 1000 + stepUs * 2 - 0.5],
        ] as const) {
          check(await thinned(market, { sinceMs, untilMs }, pointsMax), pointsMax)
        }
      }
    }
  })

  test('thins what is behind a cursor, too', async () => {
    const { sql, oracle } = await marketOf(tape(2_000, 3, 60_000_000))
    const after = new Map([
      [0, 300],
      [1, 200],
    ])
    const query = { symbols: ['BTC', 'ETH'], sinceMs: null, untilMs: null, after }
    check(
      {
        thin: await sql.history({ ...query, pointsMax: 40 }),
        whole: await oracle.history({ ...query, pointsMax: null }),
      },
      40,
    )
  })
})

test('answers nothing, but answers, while there is no trade', async () => {
  const { sql } = await marketOf([])
  expect(await sql.latest(null)).toEqual([])
  expect(await sql.newestMs()).toBeNull()
  expect(await sql.count(null)).toBe(0)
  expect(await sql.symbols()).toEqual([])
  expect(await sql.position()).toEqual(new Map())
  expect(await sql.recent({ symbols: null, limit: 5 })).toEqual([])
  expect(await sql.stats({ symbols: ['BTC'], sinceMs: 0 })).toEqual([])
  expect(await sql.candles({ symbols: null, sinceMs: 0, untilMs: null, intervalSeconds: 60 })).toEqual([])
  for (const pointsMax of [null, 4]) {
    expect(await sql.history({ symbols: null, sinceMs: 0, untilMs: null, after: null, pointsMax })).toEqual({
      symbols: [],
      timestampsUs: [],
      prices: [],
      cursor: new Map(),
    })
  }
  expect(await sql.ticksAfter(new Map([[0, 3]]), null, 10, null)).toEqual({
    ticks: [],
    cursor: new Map([[0, 3]]),
  })
})

test('takes every symbol as text, never as SQL', async () => {
  const { sql } = await marketOf(tape(10))
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ minLength: 1, unit: 'binary' }), { minLength: 1, maxLength: 5 }),
      async (symbols) => {
        const known = new Set(['BTC', 'ETH', "O'Neil\\\t"])
        expect(await sql.count(symbols.filter((symbol) => !known.has(symbol)).concat('x'))).toBe(0)
      },
    ),
    { numRuns: 50 },
  )
})

describe('the projections answer', () => {
  let market: Market
  beforeAll(async () => {
    market = await marketOf(tape(20_000, 5, 60_000))
  })

  test.each([
    ['latest', 'latest', (sql: MarketQueries) => sql.latest(null)],
    ['the position', 'resume', (sql: MarketQueries) => sql.position()],
    ['the count', 'minutes', (sql: MarketQueries) => sql.count(['BTC'])],
    ['the statistics', 'minutes', (sql: MarketQueries) => sql.stats({ symbols: ['BTC'], sinceMs: null })],
    ['the first minutes', 'minutes', (sql: MarketQueries) => sql.firstMinutes(null)],
    [
      'the statistics of a time',
      'minutes',
      (sql: MarketQueries) => sql.stats({ symbols: null, sinceMs: startUs / 1000 }),
    ],
    [
      'a long history of few points',
      'minutes',
      (sql: MarketQueries) =>
        sql.history({ symbols: null, sinceMs: null, untilMs: null, after: null, pointsMax: 8 }),
    ],
  ])('%s, out of the projection %s', async (_, projection, ask) => {
    const plans: string[] = []
    const explaining: ClickHouse = {
      ...market.connection,
      query: async (sql, params, options) => {
        const plan = await market.connection.query<{ explain: string }>(`EXPLAIN ${sql}`, params, options)
        plans.push(plan.map((line) => line.explain).join('\n'))
        return market.connection.query(sql, params, options)
      },
    }
    await ask(queriesOf(explaining))
    expect(plans.at(-1)).toContain(`ReadFromMergeTree (${projection})`)
  })
})

test('leaves to the next history what comes in while one is made', async () => {
  const { connection, sql } = await marketOf(tape(200, 4))
  const before = await sql.history({
    symbols: null,
    sinceMs: null,
    untilMs: null,
    after: null,
    pointsMax: null,
  })
  const table = connection.tableName(ticksTable.name)
  const meanwhile = `INSERT INTO ${table} SELECT * REPLACE (_offset + 1000 AS _offset, _to + 1000 AS _to) FROM ${table}`
  let asked = 0
  const growing: ClickHouse = {
    ...connection,
    query: async (text, params, options) => {
      const rows = await connection.query<never>(text, params, options)
      if (asked++ === 0) await connection.command(meanwhile)
      return rows
    },
  }
  const during = await queriesOf(growing).history({
    symbols: null,
    sinceMs: null,
    untilMs: null,
    after: null,
    pointsMax: null,
  })
  expect(during).toEqual(before)
  const next = await sql.history({
    symbols: null,
    sinceMs: null,
    untilMs: null,
    after: during.cursor,
    pointsMax: null,
  })
  expect(next.symbols).toHaveLength(200)
})

test('finds the newest trades where they are few in a long time', async () => {
  const { sql, oracle } = await marketOf(tape(300, 9, 3_600_000_000))
  for (const symbols of [null, ['BTC']]) {
    for (const limit of [1, 5, 50, 1_000]) {
      expect(await sql.recent({ symbols, limit })).toEqual(await oracle.recent({ symbols, limit }))
    }
  }
})

describe('of a history that is longer than an answer may be', () => {
  const trades = 300_000
  let market: Market
  beforeAll(async () => {
    market = await marketOf(tape(2))
    const table = market.connection.tableName(ticksTable.name)
    await market.connection.command(
      `INSERT INTO ${table} SELECT ['BTC', 'ETH', 'SOL'][number % 3 + 1], number, 1,
         toDateTime64('2026-02-01 00:00:00', 6, 'UTC') + toIntervalMillisecond(number * 30), number, 'buy', 'test', * EXCEPT number
       FROM numbers(${trades}) AS n,
         (SELECT 0 AS _offset, 'stock-ticks' AS _topic, 0 AS _partition, 0 AS _from, 0 AS _to) AS place`,
    )
  }, 60_000)
  const query = { symbols: ['BTC', 'ETH', 'SOL'], sinceMs: Date.UTC(2026, 1, 1), untilMs: null, after: null }

  test.each([null, 90_000])(
    'no more points come than the most, by their shares: %s wanted',
    async (pointsMax) => {
      const { symbols } = await market.sql.history({ ...query, pointsMax })
      for (const symbol of query.symbols) {
        const points = symbols.filter((each) => each === symbol).length
        expect(points).toBeGreaterThan(1_000)
        expect(points).toBeLessThanOrEqual(33_333)
      }
    },
  )

  test('all come in pages, each once, in order of time', async () => {
    const times: number[] = []
    for await (const page of market.sql.historyPages(query)) {
      // A minute has 2,000 of them.
      expect(page.prices.length).toBeLessThanOrEqual(12_000)
      for (const timestampUs of page.timestampsUs) times.push(timestampUs)
    }
    expect(times).toHaveLength(trades)
    expect(times.every((time, i) => i === 0 || time >= (times[i - 1] as number))).toBe(true)
  })
})

test('of more candles than an answer may have, the newest come', async () => {
  const { connection, sql } = await marketOf(tape(1))
  const table = connection.tableName(candlesTable.name)
  const columns = 'symbol, window_start, window_end, vwap, tick_count, total_volume, _offset'
  await connection.command(
    `INSERT INTO ${table} (${columns}) SELECT 'SOL', toDateTime64('2026-02-01 00:00:00', 3, 'UTC') + toIntervalMinute(number) AS at,
       at + toIntervalMinute(1), 1, 1, 1, number FROM numbers(50_100)`,
  )
  const candles = await sql.candles({ symbols: ['SOL'], sinceMs: null, untilMs: null, intervalSeconds: 60 })
  expect(candles).toHaveLength(50_000)
  expect(Date.parse(candles[0]?.window_start ?? '')).toBe(Date.UTC(2026, 1, 1) + 100 * 60_000)
})
