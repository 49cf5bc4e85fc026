import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Subject } from 'rxjs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { coinbaseTrades, market, ticksBatch } from '../../../pipelines/crypto.ts'
import { startExchange } from '../../../pipelines/market/exchange-server/exchange.ts'
import type { SentFrame } from '../../../pipelines/market/exchange-server/faults.ts'
import { replayedMarket } from '../../../pipelines/market/exchange-server/replayed-market.ts'
import { clickhouseQueries } from '../../../pipelines/market/queries/clickhouse-queries.ts'
import { candlesTable, ticksTable } from '../../../pipelines/market/tables.ts'
import { deadLetters, stockTicks } from '../../../pipelines/market/tick.ts'
import type { Trade } from '../../../pipelines/market/trade.ts'
import type { ClickHouse } from '../../../src/clickhouse/client.ts'
import { systemClock } from '../../../src/clock.ts'
import { silentLogger } from '../../../src/logger.ts'
import { lastHeader } from '../../../src/records/chunk.ts'
import type { Environment, Running } from '../../../src/runtime/run.ts'
import { serdes } from '../../../src/serdes/serdes.ts'
import { startTestClickHouse, type TestClickHouse } from '../../support/clickhouse.ts'
import { FakeMarketQueries } from '../../support/fake-market-queries.ts'
import { KafkaRig } from '../../support/kafka-rig.ts'
import { apiOptions, marketWeb } from '../../support/market-server.ts'

const minuteMs = 60_000
const startMs = Date.UTC(2026, 0, 31, 12)
const slow = { timeout: 60_000 }

let engine: TestClickHouse
let rig: KafkaRig
let clickhouse: ClickHouse
let runs = 0

beforeAll(async () => {
  engine = await startTestClickHouse()
})
afterAll(() => engine.close())
beforeEach(async () => {
  rig = await KafkaRig.start()
  clickhouse = await engine.connect({ tablePrefix: `faults${++runs}_` })
})
afterEach(async () => {
  engine.front.fault = () => undefined
  await rig.close()
})

/** The `i`-th trade of a market of two products, ten a second. */
function tradeAt(i: number): Trade {
  const timestampMs = startMs + i * 100
  const product = i % 2 === 0 ? 'BTC-USD' : 'ETH-USD'
  return {
    product,
    symbol: product.slice(0, 3),
    tradeId: 1 + (i >> 1),
    price: 100 + (i % 7),
    size: 0.5,
    time: `${new Date(timestampMs).toISOString().slice(0, -1)}000Z`,
    timestampMs,
    takerSide: 'buy',
  }
}

/** Trades as fast as they are taken: it waits while it is asked to. */
function feedOf(count: number) {
  return market('crypto', 'coinbase', ({ paused$ }) => {
    const trades = new Subject<Trade>()
    let next = 0
    let paused = false
    const pump = () => {
      for (let i = 0; i < 500 && !paused && next < count; i++) trades.next(tradeAt(next++))
      if (!paused && next < count) setImmediate(pump)
    }
    paused$.subscribe((now) => {
      paused = now
      setImmediate(pump)
    })
    return trades
  })
}

function start(topology: ReturnType<typeof market>, environment: Partial<Environment> = {}): Running {
  return rig.run(topology, { connections: { clickhouse }, ...environment })
}

function queriesOf() {
  return clickhouseQueries({
    clickhouse,
    ticks: ticksTable.name,
    candles: candlesTable.name,
    topic: stockTicks.name,
  })
}

/** Markers of transactions take offsets, too. */
async function endOf(topic: string): Promise<number> {
  const ranges = await rig.kafka.admin.offsets(topic)
  return ranges.reduce((sum, { endOffset }) => sum + endOffset, 0)
}

const totalOf = (running: Running, node: string) =>
  running.status().nodes.find(({ name }) => name === node)?.total ?? 0

/** That each trade is in the table once, and each closed minute is what its trades say. */
async function expectAll(count: number): Promise<void> {
  const ticks = clickhouse.tableName(ticksTable.name)
  const candles = clickhouse.tableName(candlesTable.name)
  const closed = Math.floor((startMs + count * 100 - 5_100 - startMs) / minuteMs) * 2
  const sums = `SELECT count() AS n, uniqExact((symbol, trade_id)) AS ids FROM ${ticks}`
  await vi.waitFor(async () => expect(await clickhouse.query(sums)).toEqual([{ n: count, ids: count }]), {
    timeout: 60_000,
    interval: 100,
  })
  await vi.waitFor(
    async () =>
      expect(
        await clickhouse.query(
          `SELECT count() AS n, uniqExact((symbol, window_start)) AS minutes, min(tick_count) AS least, max(tick_count) AS most FROM ${candles}`,
        ),
      ).toEqual([{ n: closed, minutes: closed, least: 300, most: 300 }]),
    { timeout: 60_000, interval: 100 },
  )
}

describe('while ClickHouse does not get on', () => {
  const count = 120_000

  test(
    'what waits is bounded, Kafka takes all, the API answers; then everything arrives, once',
    slow,
    async () => {
      let letGo = () => {}
      const held = new Promise<void>((resolve) => {
        letGo = resolve
      })
      const running = start(feedOf(count))
      await running.started
      engine.front.fault = ({ kind, sql }) =>
        kind === 'insert' && sql.includes('faults') ? { kind: 'hold', until: held } : undefined

      await vi.waitFor(async () => expect(await endOf(stockTicks.name)).toBeGreaterThanOrEqual(count), {
        timeout: 30_000,
      })
      // Ticks of at most two batches, one being written and one gathering; what is fetched waits in bounded queues.
      await vi.waitFor(() => expect(running.bufferedRecords()).toBeGreaterThan(4_000), { timeout: 20_000 })
      expect(totalOf(running, 'ticks to ClickHouse')).toBeLessThanOrEqual(2 * ticksBatch.rowsMax)
      const bufferedMax = 20_000
      const fetchedMax = 5_000
      expect(running.bufferedRecords()).toBeLessThan(bufferedMax)
      const lag = running.status().partitions.find(({ topic }) => topic === stockTicks.name)?.lag
      expect(lag).toBeGreaterThan(count - 2 * ticksBatch.rowsMax - bufferedMax - fetchedMax)

      const app = marketWeb({ ...apiOptions(new FakeMarketQueries()), queries: queriesOf() })
      expect((await app.request('/api/count')).status).toBe(200)

      // A hundred times slower than it answers, for the next batch; then as fast as it can.
      engine.front.fault = ({ kind, number }) =>
        kind === 'insert' && number % 4 === 0 ? { kind: 'slow', factor: 20 } : undefined
      letGo()
      await expectAll(count)
      expect(running.status().counters).toMatchObject({ late: 0, dead_letters: 0, dropped: 0 })
    },
  )

  test(
    'from the start: trades go to Kafka, it says for what it waits, and all arrives once it is there',
    slow,
    async () => {
      await engine.front.down()
      const running = start(feedOf(3_000))
      await vi.waitFor(async () => expect(await endOf(stockTicks.name)).toBeGreaterThanOrEqual(3_000), {
        timeout: 20_000,
      })
      expect(running.ready()).toMatchObject({ ready: false, why: expect.stringContaining('stocks.ticks') })
      await engine.front.up()
      await running.started
      await expectAll(3_000)
    },
  )

  test('from the start: stopping does not wait for it, for nothing of it was begun', slow, async () => {
    await engine.front.down()
    const running = start(feedOf(100), { stopTimeoutMs: 5_000 })
    await vi.waitFor(() => expect(running.status().partitions.length).toBeGreaterThan(0), {
      timeout: 20_000,
    })
    expect(await running.stop()).toBe('drained')
    await engine.front.up()
  })

  test('stopping gives up what it does not take, says so, and the next start writes it', slow, async () => {
    const first = start(feedOf(3_000), { stopTimeoutMs: 500 })
    await first.started
    await engine.front.down()
    await vi.waitFor(() => expect(totalOf(first, 'ticks to ClickHouse')).toBe(3_000), { timeout: 20_000 })
    expect(await first.stop()).toBe('sinks-behind')
    await engine.front.up()
    start(feedOf(0))
    await expectAll(3_000)
  })
})

test(
  'what somebody else writes to the topic is a dead letter with place and reason, or a tick',
  slow,
  async () => {
    const tick = stockTicks.value.serialize({
      symbol: 'BTC',
      price: 7,
      volume: 2,
      timestamp: '2026-01-31T12:00:00.000001Z',
      trade_id: 9,
      side: 'sell',
      exchange: 'elsewhere',
    })
    const with_ = (from: string, to: string) => Buffer.from(tick.toString().replace(from, to))
    const key = Buffer.from('BTC')
    const poison: [Buffer | null, Buffer | null][] = [
      [key, Buffer.from([0xff, 0xfe, 0])],
      [key, null],
      [null, tick],
      [key, Buffer.alloc(0)],
      [key, with_('2026-01-31T12', 'yesterday')],
      [key, with_('2026-01', '2026-13')],
      [key, with_(':9', ':9.5')],
      [key, with_(':9', ':-9')],
      [key, with_('"price":7', '"price":-7')],
      [key, with_('"price":7,"volume":2', '"price":1e200,"volume":1e200')],
    ]
    const records = [...poison, [key, tick] as const]
    await rig.kafka.admin.ensureTopics([stockTicks])
    const producer = rig.kafka.producer()
    await producer.send(stockTicks.name, 0, {
      keys: records.map(([of]) => of),
      values: records.map(([, value]) => value),
      timestampsMs: records.map(() => startMs),
    })
    await producer.close()
    const running = start(feedOf(0))
    await rig.workedOff([running], [stockTicks.name])
    const bytes = serdes.nullable(serdes.bytes)
    const letters = await rig.read({ name: deadLetters, key: bytes, value: bytes })
    expect(letters.map(({ key: of, value }) => [of, value])).toEqual(poison)
    expect(letters.map(({ headers }) => lastHeader(headers, 'offset')?.toString())).toEqual(
      poison.map((_, i) => String(i)),
    )
    for (const { headers } of letters) expect(lastHeader(headers, 'reason')?.toString()).toMatch(/\w{3}/)
    expect(running.status().counters.dead_letters).toBe(poison.length)
    const [found] = await clickhouse.query(`SELECT count() AS n FROM ${clickhouse.tableName('stocks.ticks')}`)
    expect(found).toEqual({ n: 1 })
  },
)

/** What a broken line makes of a frame: the trade's id can be read, or nothing can. */
const garblings: readonly ((text: string) => SentFrame)[] = [
  (text) => text.replace(/"price":"[^"]*"/, '"price":"-1"'),
  (text) => text.replace(/"price":"[^"]*"/, '"price":"1e308"'),
  (text) => text.replace(/"price":"[^"]*"/, '"price":{"$gt":0}'),
  (text) => text.replace(/"size":"[^"]*"/, '"size":"NaN"'),
  (text) => text.replace(/"size":"[^"]*"/, '"size":"0"'),
  (text) => text.replace(/"time":"[^"]*"/, '"time":"9999-99-99"'),
  (text) => text.replace(/"side":"[^"]*"/, '"side":"both"'),
  (text) => text.replace(/"trade_id":\d+/, '"trade_id":9007199254740993'),
  (text) => text.replace(/"product_id":"[^"]*"/, '"product_id":["BTC-USD"]'),
  (text) => text.slice(0, 40),
  () => '',
  () => '[]',
  (text) => ({ bytes: Buffer.from(text), binary: true }),
  () => ({ bytes: Buffer.from([0x7b, 0xff, 0x7d]), binary: false }),
]

test(
  'garbage on the socket is dead letters with bytes, place and reason; the true trades come by REST',
  slow,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rivulet-garbage-'))
    try {
      const trades = Array.from({ length: 300 }, (_, i) => tradeAt(i))
      const lines = trades.map(({ product, tradeId, price, size, time }, sequence) => {
        const [priceText, sizeText] = [price.toFixed(2), size.toFixed(8)]
        const fields = {
          trade_id: tradeId,
          sequence,
          product_id: product,
          price: priceText,
          size: sizeText,
          time,
        }
        return JSON.stringify({ type: 'match', side: 'sell', ...fields })
      })
      const file = join(folder, 'recording.jsonl')
      writeFileSync(file, lines.join('\n'))
      const sent: Buffer[] = []
      let matches = 0
      const exchange = await startExchange({
        market: await replayedMarket({ file, speed: Number.POSITIVE_INFINITY }),
        clock: systemClock,
        logger: silentLogger,
        faults: {
          frames(text) {
            if (!text.startsWith('{"type":"match"')) return [text]
            const garble = garblings[(matches++ - 20) / 10]
            if (!garble) return [text]
            const frame = garble(text)
            sent.push(typeof frame === 'string' ? Buffer.from(frame) : frame.bytes)
            return [frame]
          },
        },
      })
      try {
        const { wsUrl, restUrl, products } = exchange
        const running = start(market('crypto', 'coinbase', coinbaseTrades({ wsUrl, restUrl, products })))
        const ticks = clickhouse.tableName(ticksTable.name)
        await vi.waitFor(
          async () =>
            expect(
              await clickhouse.query(
                `SELECT count() AS n, uniqExact((symbol, trade_id)) AS ids FROM ${ticks}`,
              ),
            ).toEqual([{ n: trades.length, ids: trades.length }]),
          { timeout: 30_000, interval: 100 },
        )
        const bytes = serdes.nullable(serdes.bytes)
        const letters = await rig.read({ name: deadLetters, key: bytes, value: bytes })
        expect(sent).toHaveLength(garblings.length)
        expect(letters.map(({ value }) => value)).toEqual(sent)
        for (const { headers } of letters) {
          expect(lastHeader(headers, 'from')?.toString()).toBe('socket')
          expect(lastHeader(headers, 'reason')?.toString()).toMatch(/\w{3}/)
        }
        const { dead_letters, gaps, backfilled } = running.status().counters
        expect({ dead_letters, gaps }).toEqual({ dead_letters: garblings.length, gaps: 0 })
        expect(backfilled).toBeGreaterThanOrEqual(garblings.length)
      } finally {
        await exchange.close()
      }
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
)
