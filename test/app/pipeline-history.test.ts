import { VirtualTimeScheduler } from 'rxjs'
import { expect, test } from 'vitest'
import { PipelineHistory } from '../../src/app/pipeline-history.ts'
import { createClock } from '../../src/clock.ts'
import type { PipelineStatus, Progress } from '../../src/runtime/pipeline-status.ts'
import { pipelineStatus } from '../support/pipeline-status.ts'

/** A pipeline whose rate, lag and counter are what the test says. */
class Plant {
  readonly scheduler = new VirtualTimeScheduler()
  rate = 0
  lag = 0
  readers: readonly string[] = ['to table']
  late = 0
  readonly history = new PipelineHistory({ clock: createClock(this.scheduler), status: () => this.#status })

  pass(seconds: number): void {
    this.scheduler.maxFrames = this.scheduler.frame + seconds * 1_000
    this.scheduler.flush()
    this.scheduler.frame = this.scheduler.maxFrames
  }

  get #status(): PipelineStatus {
    const progress: Progress = {
      committed: 0,
      lag: this.lag,
      lag_seconds: this.lag / 10,
      catches_up_in_seconds: null,
    }
    return pipelineStatus({
      nodes: [{ name: 'clicks', kind: 'source', rate: this.rate, total: 0 }],
      partitions: [0, 1].map((partition) => ({
        topic: 'clicks',
        partition,
        end_offset: 0,
        as_of: null,
        ...progress,
        readers: this.readers.map((reader) => ({ reader, ...progress })),
      })),
      counters: { late: this.late },
    })
  }
}

test('remembers each rate, lag and counter, every five seconds, as columns', () => {
  const plant = new Plant()
  plant.rate = 5
  plant.pass(5)
  plant.lag = 30
  plant.late = 2
  plant.pass(5)
  expect(plant.history.since(Number.NEGATIVE_INFINITY)).toEqual({
    interval_seconds: 5,
    timestamps: [5, 10],
    rates: { clicks: [5, 5] },
    lags: { 'to table': [0, 60] },
    lag_seconds: { 'to table': [0, 3] },
    counters: { late: [0, 2] },
  })
  plant.history.close()
})

test('gives what is newer, and nothing where nothing is', () => {
  const plant = new Plant()
  plant.pass(20)
  expect(plant.history.since(10_000).timestamps).toEqual([15, 20])
  expect(plant.history.since(20_000)).toMatchObject({ timestamps: [], rates: { clicks: [] } })
  plant.history.close()
})

test('keeps an hour, however long it runs', () => {
  const plant = new Plant()
  plant.rate = 1
  plant.pass(3 * 3_600)
  const { timestamps, rates } = plant.history.since(Number.NEGATIVE_INFINITY)
  expect(timestamps).toHaveLength(720)
  expect([timestamps[0], timestamps.at(-1)]).toEqual([2 * 3_600 + 5, 3 * 3_600])
  expect(rates.clicks).toHaveLength(720)
  plant.history.close()
})

test('has null where a reader was not there, and forgets one that was not for an hour', () => {
  const plant = new Plant()
  plant.pass(5)
  plant.readers = ['another']
  plant.pass(5)
  expect(plant.history.since(Number.NEGATIVE_INFINITY).lags).toEqual({
    'to table': [0, null],
    another: [null, 0],
  })
  plant.pass(2 * 3_600)
  expect(Object.keys(plant.history.since(Number.NEGATIVE_INFINITY).lags)).toEqual(['another'])
  plant.history.close()
})
