import { GenericContainer, getContainerRuntimeClient, type StartedTestContainer, Wait } from 'testcontainers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { clickhouseQueries } from '../../pipelines/market/queries/clickhouse-queries.ts'
import { type StockTick, ticksTable } from '../../pipelines/market/tables.ts'
import type { ClickHouse } from '../../src/clickhouse/client.ts'
import { connectClickHouse } from '../../src/clickhouse/connection.ts'
import { clickhouse } from '../../src/clickhouse/sink.ts'
import { systemClock } from '../../src/clock.ts'
import { messageOf } from '../../src/errors.ts'
import { silentLogger } from '../../src/logger.ts'
import { chunkOf } from '../../src/records/chunk.ts'
import { sinkContext } from '../support/clickhouse.ts'

/** The real server, where Docker and its image are to be had; elsewhere skipped, saying why. */
const image = 'clickhouse/clickhouse-server:26.3'
let container: StartedTestContainer | undefined
let connection: ClickHouse | undefined
let missing = ''

beforeAll(async () => {
  try {
    await getContainerRuntimeClient()
    container = await new GenericContainer(image)
      .withEnvironment({ CLICKHOUSE_USER: 'rivulet', CLICKHOUSE_PASSWORD: 'secret' })
      .withExposedPorts(8123)
      .withWaitStrategy(Wait.forHttp('/ping', 8123))
      .start()
  } catch (error) {
    missing = `no ${image} here: ${messageOf(error)}`
    return
  }
  connection = await connectClickHouse({
    url: `http://${container.getHost()}:${container.getMappedPort(8123)}`,
    user: 'rivulet',
    password: 'secret',
    clock: systemClock,
    logger: silentLogger,
  })
}, 180_000)

afterAll(async () => {
  await connection?.close()
  await container?.stop()
})

test('a real server keeps each tick once, and answers out of them', async (context) => {
  if (!connection) return context.skip(missing)
  const writer = await clickhouse(ticksTable).open(connection, sinkContext())
  const ticks = Array.from(
    { length: 1_000 },
    (_, i): StockTick => ({
      symbol: ['BTC', 'ETH'][i % 2] as string,
      price: 70_000 + i / 100,
      volume: 0.001,
      timestamp: `2026-01-31T18:41:18.${String(i).padStart(6, '0')}Z`,
      trade_id: i,
      side: 'buy',
      exchange: 'coinbase',
    }),
  )
  for (let repeated = 0; repeated < 2; repeated++) {
    const batch = writer.begin('stock-ticks', 0)
    batch.append(
      chunkOf(ticks.map((value, offset) => ({ key: value.symbol, value, timestampMs: 0, offset }))),
      1_000,
    )
    expect(await writer.write(batch)).toEqual({ nextOffset: 1_000 })
  }
  expect(await writer.resumeOffset('stock-ticks', 0)).toBe(1_000)

  const queries = clickhouseQueries({
    clickhouse: connection,
    ticks: ticksTable.name,
    candles: ticksTable.name,
    topic: 'stock-ticks',
  })
  expect(await queries.count(null)).toBe(1_000)
  expect((await queries.latest(['ETH']))[0]).toMatchObject({
    trade_id: 999,
    last_update: '2026-01-31T18:41:18.000999Z',
  })
  const thin = await queries.history({
    symbols: null,
    sinceMs: null,
    untilMs: null,
    after: null,
    pointsMax: 100,
  })
  expect(thin.symbols.length).toBeLessThanOrEqual(200)
})
