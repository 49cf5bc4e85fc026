import type { StockTick } from '../../pipelines/market/tables.ts'
import { stockTicks } from '../../pipelines/market/tick.ts'
import { systemClock } from '../../src/clock.ts'
import { connectKafka } from '../../src/kafka/kafka.ts'
import { silentLogger } from '../../src/logger.ts'

const symbols = ['BTC', 'ETH', 'SOL', 'XRP', 'DOGE']
const startMs = Date.UTC(2026, 0, 31, 12)
/** About 17 trades a second: a million of them are 16 hours, and 5,000 candles. */
const stepMs = 60

/** The `i`-th trade of a market made for measuring: the same whenever it is asked for. */
export function tickAt(i: number): { readonly tick: StockTick; readonly timestampMs: number } {
  const timestampMs = startMs + i * stepMs
  const symbol = symbols[(i * 7 + (i >> 3)) % symbols.length] as string
  const tick: StockTick = {
    symbol,
    price: (100_000 + ((i * 7_919) % 100_000)) / 100,
    volume: (((i * 40_503) % 99_999) + 1) / 100_000,
    timestamp: `${new Date(timestampMs).toISOString().slice(0, -1)}456Z`,
    trade_id: i,
    side: i % 3 === 0 ? 'sell' : 'buy',
    exchange: 'bench',
  }
  return { tick, timestampMs }
}

/** Fills the topic `stock-ticks` of a broker, in batches as a busy source would send them. */
export async function produceTicks(brokers: readonly string[], records: number): Promise<void> {
  const kafka = connectKafka({ brokers, clientId: 'bench', clock: systemClock, logger: silentLogger })
  await kafka.admin.ensureTopics([stockTicks])
  const producer = kafka.producer()
  const batchRecords = 1_000
  for (let from = 0; from < records; from += batchRecords) {
    const ticks = Array.from({ length: Math.min(batchRecords, records - from) }, (_, i) => tickAt(from + i))
    await producer.ready()
    void producer.send(stockTicks.name, 0, {
      keys: ticks.map(({ tick }) => Buffer.from(tick.symbol)),
      values: ticks.map(({ tick }) => Buffer.from(JSON.stringify(tick))),
      timestampsMs: ticks.map(({ timestampMs }) => timestampMs),
    })
  }
  await producer.close()
  await kafka.close()
}
