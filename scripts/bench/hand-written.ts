import { type ClickHouseClient, type ClickHouseClientConfigOptions, createClient } from '@clickhouse/client'
import { createChdbConnection } from 'chdb/connection'
import { type EachBatchPayload, type EachMessagePayload, Kafka, logLevel } from 'kafkajs'
import type { StockTick } from '../../pipelines/market/tables.ts'

/** What one would write without Rivulet: candles in a Map, ticks with `insert(rows)`. It loses its windows in a restart. */
export interface HandWritten {
  readonly brokers: readonly string[]
  readonly dataDir: string
  readonly records: number
  readonly style: 'eachMessage' | 'eachBatch'
}

interface Candle {
  open: number
  close: number
  high: number
  low: number
  volume: number
  notional: number
  ticks: number
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

  const open = new Map<string, Candle>()
  let streamTimeMs = 0
  const closed: object[] = []
  const add = (tick: StockTick) => {
    const timestampMs = Date.parse(tick.timestamp)
    const minuteMs = timestampMs - (timestampMs % 60_000)
    const key = `${tick.symbol}@${minuteMs}`
    const candle = open.get(key)
    if (candle) {
      candle.close = tick.price
      candle.high = Math.max(candle.high, tick.price)
      candle.low = Math.min(candle.low, tick.price)
      candle.volume += tick.volume
      candle.notional += tick.price * tick.volume
      candle.ticks++
    } else {
      const { price, volume } = tick
      open.set(key, {
        open: price,
        close: price,
        high: price,
        low: price,
        volume,
        notional: price * volume,
        ticks: 1,
      })
    }
    if (minuteMs <= streamTimeMs) return
    streamTimeMs = minuteMs
    for (const [at, candle] of open) {
      const startMs = Number(at.slice(at.indexOf('@') + 1))
      if (startMs + 65_000 > timestampMs) continue
      open.delete(at)
      closed.push({ symbol: at.slice(0, at.indexOf('@')), window_start: startMs, ...candle })
    }
  }

  const startedMs = performance.now()
  let finish = (_elapsedMs: number) => {}
  const done = new Promise<number>((resolve) => {
    finish = resolve
  })
  let seen = 0
  const insert = async (rows: readonly StockTick[]) => {
    const clickhouse_settings = { date_time_input_format: 'best_effort' as const }
    await client.insert({ table: 'bench.ticks', values: rows, format: 'JSONEachRow', clickhouse_settings })
    const candles = closed.splice(0)
    if (candles.length > 0)
      await client.insert({ table: 'bench.candles', values: candles, format: 'JSONEachRow' })
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
            for (const row of rows) add(row)
            await insert(rows)
          },
        }
      : {
          eachMessage: async ({ message }: EachMessagePayload) => {
            const tick = JSON.parse((message.value as Buffer).toString()) as StockTick
            add(tick)
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
