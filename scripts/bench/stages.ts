import { Subject } from 'rxjs'
import { candle } from '../../pipelines/market/candle.ts'
import type { StockTick } from '../../pipelines/market/tables.ts'
import { ticksTable } from '../../pipelines/market/tables.ts'
import { stockTicks } from '../../pipelines/market/tick.ts'
import { RowWriter } from '../../src/clickhouse/row-writer.ts'
import { filter } from '../../src/operators/filter.ts'
import { mapValues } from '../../src/operators/map-values.ts'
import { windowAggregate } from '../../src/operators/window-aggregate.ts'
import type { Chunk } from '../../src/records/chunk.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { windowStore } from '../../src/state/window-store.ts'
import { aggregationOf } from '../../src/stream/grouped-stream.ts'
import { tumbling } from '../../src/windows/windows.ts'
import { tickAt } from './ticks.ts'

const records = 200_000
const chunkRecords = 5_000

/** Each stage of the path alone, in this thread, after a warm-up: records/s. */
export async function benchStages(): Promise<{ name: string; value: number; unit: string }[]> {
  const ticks = Array.from({ length: records }, (_, i) => tickAt(i))
  const values = ticks.map(({ tick }) => tick)
  const bytes = values.map((tick) => Buffer.from(JSON.stringify(tick)))
  const chunks: Chunk<string, StockTick>[] = []
  for (let from = 0; from < records; from += chunkRecords) {
    const part = ticks.slice(from, from + chunkRecords)
    chunks.push({
      topic: 'ticks',
      partition: 0,
      keys: part.map(({ tick }) => tick.symbol),
      values: part.map(({ tick }) => tick),
      timestampsMs: part.map(({ timestampMs }) => timestampMs),
      offsets: part.map((_, i) => from + i),
    })
  }
  const store = () =>
    windowStore({ name: 's', key: serdes.string, value: serdes.json(), sizeMs: 60_000, retentionMs: 600_000 })
  const through =
    (make: () => (source: Subject<Chunk<string, StockTick>>) => { subscribe(): unknown }) => () => {
      const source = new Subject<Chunk<string, StockTick>>()
      make()(source).subscribe()
      for (const chunk of chunks) source.next(chunk)
    }
  const stages: Record<string, () => void> = {
    'parse a tick: JSON.parse alone (baseline)': () => {
      for (const value of bytes) JSON.parse(value.toString())
    },
    'parse a tick: its serde, checked': () => {
      for (const value of bytes) stockTicks.value.deserialize(value)
    },
    'write a tick: its serde': () => {
      for (const tick of values) stockTicks.value.serialize(tick)
    },
    'filter and mapValues in chunks': through(
      () => (source) =>
        source.pipe(
          filter((tick) => tick.price > 0),
          mapValues((tick) => tick.price),
        ),
    ),
    'one-minute candles': through(
      () => (source) =>
        source.pipe(
          windowAggregate({
            windows: tumbling({ sizeMs: 60_000, graceMs: 5_000 }),
            aggregation: aggregationOf(candle),
            store: store(),
          }),
        ),
    ),
    'rows for ClickHouse': () => {
      const rows = new RowWriter()
      for (const { tick, timestampMs } of ticks) ticksTable.encode(tick, tick.symbol, timestampMs, rows)
    },
  }
  return Object.entries(stages).map(([name, stage]) => {
    stage()
    const times = Array.from({ length: 5 }, () => {
      const startedMs = performance.now()
      stage()
      return performance.now() - startedMs
    })
    return { name: `stage: ${name}`, value: (records / Math.min(...times)) * 1000, unit: 'records/s' }
  })
}
