import { Subject } from 'rxjs'
import { expect, test } from 'vitest'
import { counting } from '../../src/operators/aggregation.ts'
import { windowHeaders } from '../../src/operators/final-results.ts'
import { standalone } from '../../src/operators/operator.ts'
import { windowAggregate } from '../../src/operators/window-aggregate.ts'
import type { Chunk, TableChunk } from '../../src/records/chunk.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { windowStore } from '../../src/state/window-store.ts'
import { tumbling, type Windowed } from '../../src/windows/windows.ts'
import { chunk } from '../support/operator-family.ts'

test('go on where a suppression has let windows through, which the store still has', () => {
  const windows = tumbling({ sizeMs: 10 })
  const kept = { sizeMs: 10, retentionMs: 1_000 }
  const store = windowStore({ name: 'counts', key: serdes.string, value: serdes.long, ...kept })
  const final = windowHeaders('closed', serdes.string)
  const context = standalone()
  const emitted: string[] = []
  const run = (times: readonly number[], ofFinal?: typeof final) => {
    const records$ = new Subject<Chunk<string, string>>()
    const options = { windows, aggregation: counting, store, final: ofFinal }
    const subscription = records$
      .pipe(windowAggregate<string, string, number>(options, context))
      .subscribe(({ keys, values }: TableChunk<Windowed<string>, number>) => {
        if (ofFinal) emitted.push(...keys.map(({ startMs }, i) => `${startMs}: ${values[i]}`))
      })
    for (const timestampMs of times) records$.next(chunk(['a', 'x', timestampMs]))
    subscription.unsubscribe()
  }
  run([1, 11, 12, 21])
  expect(emitted).toEqual([])
  run([22, 31], final)
  expect(emitted).toEqual(['20: 2'])
})
