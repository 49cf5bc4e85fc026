import { type ClickHouseClient, type ClickHouseClientConfigOptions, createClient } from '@clickhouse/client'
import { createChdbConnection } from 'chdb/connection'
import { type EachBatchPayload, type EachMessagePayload, Kafka, logLevel } from 'kafkajs'
import type { StockTick } from '../../../pipelines/market/tables.ts'
import { CandlesByHand } from '../candles-by-hand.ts'

/** What one would write without Rivulet: candles in a Map, ticks with `insert(rows)`. It loses its windows in a restart. */
export interface HandWritten {
  readonly brokers: readonly string[]
  readonly dataDir: string
  readonly records: number
  readonly style: 'eachMessage' | 'eachBatch'
}

const insertRows = 10_000

/** Resolves when all ticks are in the table; answers how long it took, ms, from the consumer's start on. */
export async function runHandWritten({ brokers, dataDir, records, style }: HandWritten): Promise<number> {
  // The same interface from two packages, which TypeScript takes for two.
  const connection = createChdbConnection({ path: dataDir }) as unknown as NonNullable<
    ClickHouseClientConfigOptions['connection']
  >
  const client = createClient({ connection })
  await createTables(client)
  const kafka = new Kafka({ brokers: [...brokers], clientId: 'hand-written', logLevel: logLevel.NOTHING })
  const consumer = kafka.consumer({ groupId: 'hand-written', maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topics: ['stock-ticks'], fromBeginning: true })

  const candles = new CandlesByHand()
  const startedMs = performance.now()
  let finish = (_elapsedMs: number) => {}
  const done = new Promise<number>((resolve) => {
    finish = resolve
  })
  let seen = 0
  const insert = async (rows: readonly StockTick[]) => {
    const clickhouse_settings = { date_time_input_format: 'best_effort' as const }
    await client.insert({ table: 'bench.ticks', values: rows, format: 'JSONEachRow', clickhouse_settings })
    const closed = candles.takeClosed()
    if (closed.length > 0)
      await client.insert({ table: 'bench.candles', values: closed, format: 'JSONEachRow' })
    seen += rows.length
    if (seen >= records) finish(performance.now() - startedMs)
  }

  let waiting: StockTick[] = []
  await consumer.run(
    style === 'eachBatch'
      ? {
          eachBatch: async ({ batch }: EachBatchPayload) => {
            const rows = batch.messages.map(
              ({ value }) => JSON.parse((value as Buffer).toString()) as StockTick,
            )
            for (const row of rows) candles.add(row)
            await insert(rows)
          },
        }
      : {
          eachMessage: async ({ message }: EachMessagePayload) => {
            const tick = JSON.parse((message.value as Buffer).toString()) as StockTick
            candles.add(tick)
            waiting.push(tick)
            if (waiting.length < insertRows && seen + waiting.length < records) return
            const rows = waiting
            waiting = []
            await insert(rows)
          },
        },
  )
  const elapsedMs = await done
  await consumer.disconnect()
  await client.close()
  return elapsedMs
}

async function createTables(client: ClickHouseClient): Promise<void> {
  await client.command({ query: 'CREATE DATABASE bench' })
  await client.command({
    query: `CREATE TABLE bench.ticks (symbol LowCardinality(String), price Float64, volume Float64,
      timestamp DateTime64(6, 'UTC'), trade_id UInt64, side LowCardinality(String), exchange LowCardinality(String))
      ENGINE = MergeTree ORDER BY (symbol, timestamp)`,
  })
  await client.command({
    query: `CREATE TABLE bench.candles (symbol LowCardinality(String), window_start DateTime64(3, 'UTC'), open Float64,
      close Float64, high Float64, low Float64, volume Float64, notional Float64, ticks UInt64)
      ENGINE = MergeTree ORDER BY (symbol, window_start)`,
  })
}
