import { Subject } from 'rxjs'
import { candle } from '../../../pipelines/market/candle.ts'
import type { StockTick } from '../../../pipelines/market/tables.ts'
import { filter } from '../../../src/operators/filter.ts'
import { mapValues } from '../../../src/operators/map-values.ts'
import { windowAggregate } from '../../../src/operators/window-aggregate.ts'
import type { Chunk } from '../../../src/records/chunk.ts'
import { serdes } from '../../../src/serdes/serdes.ts'
import { windowStore } from '../../../src/state/window-store.ts'
import { aggregationOf } from '../../../src/stream/grouped-stream.ts'
import { tumbling } from '../../../src/windows/windows.ts'
import { CandlesByHand } from '../candles-by-hand.ts'
import { type Stage, stageRecords, type Ticks } from './stage.ts'

type TickChunk = Chunk<string, StockTick>

const chunkRecords = 5_000
const [sizeMs, graceMs, retentionMs] = [60_000, 5_000, 600_000]

/** What a task does with values. */
export function operatorStages(ticks: Ticks): Stage[] {
  const chunks = chunksOf(ticks)
  const through = (make: (source: Subject<TickChunk>) => { subscribe(): unknown }) => () => {
    const source = new Subject<TickChunk>()
    make(source).subscribe()
    for (const chunk of chunks) source.next(chunk)
  }
  const store = () =>
    windowStore({ name: 'candle', key: serdes.string, value: serdes.json(), sizeMs, retentionMs })
  return [
    {
      name: 'filter and mapValues',
      own: through((source) =>
        source.pipe(
          filter((tick) => tick.price > 0),
          mapValues((tick) => tick.price),
        ),
      ),
      byHand() {
        for (const { values } of chunks) values.filter((tick) => tick.price > 0).map((tick) => tick.price)
      },
    },
    {
      name: 'one-minute candles',
      own: through((source) =>
        source.pipe(
          windowAggregate({
            windows: tumbling({ sizeMs, graceMs }),
            aggregation: aggregationOf(candle),
            store: store(),
          }),
        ),
      ),
      byHand() {
        const candles = new CandlesByHand()
        for (const tick of ticks.values) candles.add(tick)
      },
    },
    { name: 'change a window, and write it to the changelog', own: changeWindows() },
  ]
}

/** The dearest case: each record has a window of its own. */
function changeWindows(): () => void {
  const value = serdes.json<{ count: number }>()
  const store = windowStore({ name: 'counts', key: serdes.string, value, sizeMs, retentionMs }).create()
  const keys = Array.from({ length: stageRecords }, (_, i) => `symbol-${i}`)
  let count = 0
  return () => {
    count++
    for (const key of keys) store.put(key, 0, { count }, count)
    store.drainChanges(() => {})
  }
}

function chunksOf({ values, timestampsMs }: Ticks): TickChunk[] {
  return Array.from({ length: stageRecords / chunkRecords }, (_, c) => {
    const [from, to] = [c * chunkRecords, (c + 1) * chunkRecords]
    const part = values.slice(from, to)
    return {
      topic: 'ticks',
      partition: 0,
      keys: part.map(({ symbol }) => symbol),
      values: part,
      timestampsMs: timestampsMs.slice(from, to),
      offsets: part.map((_, i) => from + i),
    }
  })
}
