import { describe, expect, test } from 'vitest'
import { clickhouse } from '../../../src/clickhouse/sink.ts'
import { clickhouseTable } from '../../../src/clickhouse/table.ts'
import { RivuletError } from '../../../src/errors.ts'
import { silentLogger } from '../../../src/logger.ts'
import { serdes } from '../../../src/serdes/serdes.ts'
import type { Sink } from '../../../src/stream/sink.ts'
import { topic } from '../../../src/stream/topic.ts'
import { topology } from '../../../src/stream/topology.ts'
import type { OutputOrder } from '../../../src/testing/simulation/comparison.ts'
import { DriverTwin } from '../../../src/testing/simulation/driver-twin.ts'
import { type Plan, placedRecords } from '../../../src/testing/simulation/plan.ts'
import { SettledChecks } from '../../../src/testing/simulation/settled-checks.ts'
import { runPlan } from '../../../src/testing/simulation/simulation.ts'
import { Watcher } from '../../../src/testing/simulation/watcher.ts'

const input = topic('in', { key: serdes.string, value: serdes.string, partitions: 1 })
const output = topic('out', { key: serdes.string, value: serdes.string, partitions: 1 })
const copy = topology('copy', ({ stream }) => stream(input).to(output))
const counts = topology('counts', ({ stream }) => {
  stream(input)
    .groupByKey()
    .count('seen')
    .toStream()
    .mapValues((count) => `${count}`)
    .to(output)
})

const records = ['a', 'b', 'c'].map((value, i) => ({
  topic: 'in',
  key: 'k',
  value,
  timestampMs: i,
  atMs: i,
}))

/** What a reader sees who has the offset of the input, and what was written to each topic. */
function viewOf(committed: number, written: Readonly<Record<string, readonly string[]>>) {
  return {
    committed: () => committed,
    endOffset: (of: string) => written[of]?.length ?? 0,
    read: (of: string, partition: number, fromOffset: number) => {
      const values = written[of] ?? []
      const seen = values.map((value, offset) => ({
        ...{ partition, offset, timestampMs: offset },
        ...{ key: Buffer.from('k'), value: Buffer.from(value) },
      }))
      return { records: seen.slice(fromOffset), nextOffset: values.length }
    },
  }
}

function watched(outputs: OutputOrder = 'in-order', lookAgain = (_inMs: number) => {}) {
  const newTwin = () => new DriverTwin(copy)
  return new Watcher({
    ...{ topology: copy, records: placedRecords(copy, records), order: outputs },
    ...{ twin: newTwin(), newTwin, lookAgain },
  })
}

/** What does not hold when this is so for a while. */
function brokenIn(watcher: Watcher, committed: number, out: readonly string[]): string[] {
  const view = viewOf(committed, { out })
  watcher.look(view, 1_000)
  return watcher.look(view, 1_301).map(({ invariant }) => invariant)
}

describe('who watches a simulation', () => {
  test('finds nothing in outputs that are those of the committed inputs', () => {
    const watcher = watched()
    expect(brokenIn(watcher, 2, ['a', 'b'])).toEqual([])
    expect(watcher.isComplete).toBe(false)
    expect(watcher.missing).toEqual(['in/0 is committed up to 2 of 3'])
    expect(brokenIn(watcher, 3, ['a', 'b', 'c'])).toEqual([])
    expect(watcher.isComplete).toBe(true)
  })

  test.each([
    ['an output is there twice', 2, ['a', 'a', 'b'], 'each input is applied once'],
    ['there is one that no input makes', 2, ['a', 'x'], 'each input is applied once'],
    ['two have changed places', 3, ['a', 'c', 'b'], 'values keep their order'],
    ['outputs of inputs that are not committed are there', 1, ['a', 'b'], 'no half of a transaction is seen'],
    ['an offset is committed before its outputs are there', 2, ['a'], 'offsets are not ahead of outputs'],
  ])('says when %s', (_, committed, out, invariant) => {
    expect(brokenIn(watched(), committed, out)).toEqual([invariant])
  })

  test('says at once when a committed offset goes back', () => {
    const watcher = watched()
    expect(watcher.look(viewOf(2, { out: ['a', 'b'] }), 1_000)).toEqual([])
    expect(watcher.look(viewOf(1, { out: ['a', 'b'] }), 1_001)).toMatchObject([
      { invariant: 'offsets do not go back' },
    ])
  })

  test('says at once when what could be read is gone', () => {
    const watcher = watched()
    expect(watcher.look(viewOf(0, { in: ['a', 'b'] }), 1_000)).toEqual([])
    expect(watcher.look(viewOf(0, { in: ['a'] }), 1_001)).toMatchObject([
      { invariant: 'what was read stays' },
    ])
  })

  test('lets a transaction end in one partition a little later than in another', () => {
    const watcher = watched()
    expect(watcher.look(viewOf(2, { out: ['a'] }), 1_000)).toEqual([])
    expect(watcher.look(viewOf(2, { out: ['a', 'b'] }), 1_050)).toEqual([])
    expect(watcher.look(viewOf(2, { out: ['a', 'b'] }), 2_000)).toEqual([])
  })

  test('wants to look again when that has lasted too long, also if nothing happens by then', () => {
    const asked: number[] = []
    const view = viewOf(2, { out: ['a'] })
    const watcher = watched('in-order', (inMs) => asked.push(inMs))
    expect(watcher.look(view, 1_000)).toEqual([])
    expect(asked).toHaveLength(1)
    expect(watcher.look(view, 1_000 + (asked[0] ?? 0))).toHaveLength(1)
  })

  test('takes values in any order, but each as often as it should be', () => {
    expect(brokenIn(watched('any-order'), 3, ['c', 'a', 'b'])).toEqual([])
    expect(brokenIn(watched('any-order'), 3, ['c', 'a', 'b', 'b'])).toEqual(['each input is applied once'])
  })

  test('takes whatever comes before the latest value', () => {
    const watcher = watched('latest')
    expect(brokenIn(watcher, 3, ['b', 'x'])).toEqual([])
    expect(watcher.isComplete).toBe(false)
    expect(brokenIn(watcher, 3, ['b', 'x', 'c'])).toEqual([])
    expect(watcher.isComplete).toBe(true)
  })
})

describe('when all is over', () => {
  test('a store is to hold what that of the test driver holds', () => {
    const twin = new DriverTwin(counts)
    for (const record of placedRecords(counts, records)) twin.give(record)
    const [kept] = [...(twin.changelogs.get('counts-seen-changelog')?.values() ?? [])]
    const checks = new SettledChecks(counts)
    const right = viewOf(3, { 'counts-seen-changelog': ['old', kept?.text ?? ''] })
    expect(checks.stores(twin, right)).toEqual([])
    for (const changelog of [[], ['old'], [kept?.text ?? '', 'more']])
      expect(checks.stores(twin, viewOf(3, { 'counts-seen-changelog': changelog }))).toMatchObject([
        { invariant: 'stores are as outputs' },
      ])
  })

  test('a table is to hold each record of the topic that its sink reads once, in order', () => {
    const rows = clickhouseTable('simulated.rows', {
      columns: { value: 'String' },
      orderBy: ['value'],
      row: (value: string) => ({ value }),
    })
    const sinking = topology('sinking', ({ stream }) => {
      stream(input).batch({ rowsMax: 10, waitMsMax: 10 }).to(clickhouse(rows))
    })
    const checks = new SettledChecks(sinking)
    const view = viewOf(2, { in: ['a', 'b'] })
    const tableOf = (...offsets: readonly number[]) => ({
      tables: ['rows'],
      refused: [],
      parts: () =>
        offsets.map((offset) => [
          { topic: 'in', partition: 0, offset, from: offset, to: offset, own: Buffer.alloc(0) },
        ]),
    })
    expect(checks.tables(tableOf(0, 1), view)).toEqual([])
    for (const offsets of [[0], [0, 1, 1], [1, 0]])
      expect(checks.tables(tableOf(...offsets), view)).toMatchObject([
        { invariant: 'tables have each row once' },
      ])
    const refused = { ...tableOf(0), refused: [{ topic: 'in', partition: 0, offset: 1 }] }
    expect(checks.tables(refused, view)).toMatchObject([
      { invariant: 'tables have each row once', detail: expect.stringContaining('the dead letters of in/0') },
    ])
  })
})

describe('a run', () => {
  const options: Parameters<typeof runPlan>[0] = { topology: counts, environment: {}, logger: silentLogger }
  const plan = {
    seed: 1,
    instances: 1,
    records: records.map((record) => ({ ...record, atMs: 1_000 })),
    faults: [],
  }
  const brokenBy = async (changed: Partial<typeof options>, under: Partial<Plan> = {}) =>
    (await runPlan({ ...options, ...changed }, { ...plan, ...under })).broken

  test('is not broken', async () => {
    expect(await brokenBy({})).toEqual([])
  })

  test('is when an instance fails', async () => {
    const failing = topology('failing', ({ stream }) => {
      stream(input)
        .batch({ rowsMax: 1, waitMsMax: 10 })
        .to(sinkOf(() => Promise.reject(new RivuletError('SINK_FAILED', 'no room'))))
    })
    expect(await brokenBy({ topology: failing, environment })).toMatchObject([
      { invariant: 'no instance fails', detail: expect.stringContaining('no room') },
    ])
  })

  test('is when nothing goes on', async () => {
    expect(await brokenBy({}, { instances: 0 })).toMatchObject([
      { invariant: 'it goes on once faults are over', detail: 'in/0 is committed up to 0 of 3' },
    ])
  })

  test('is when an instance holds more than its buffers should', async () => {
    const stuck = topology('stuck', ({ stream }) => {
      stream(input)
        .batch({ rowsMax: 1, waitMsMax: 10 })
        .to(sinkOf(() => new Promise(() => {})))
    })
    // A fetch brings one batch at least, whatever it is allowed.
    const tight = { ...environment, recordsBufferedMax: 1, partitionFetchBytesMax: 8 }
    const many = Array.from({ length: 50 }, (_, i) => ({
      ...{ topic: 'in', key: 'k', value: 'v' },
      ...{ timestampMs: i, atMs: 1_000 },
    }))
    expect(await brokenBy({ topology: stuck, environment: tight }, { records: many })).toMatchObject([
      { invariant: 'buffers are bounded' },
    ])
  })
})

const environment = { connections: { nothing: {} } }

/** Takes one record after the other. */
function sinkOf(write: () => Promise<never>): Sink<string, string> {
  return {
    name: 'sink',
    connection: 'nothing',
    open: async () => ({
      resumeOffset: async () => undefined,
      begin: (of, partition) => {
        const batch = { topic: of, partition, rows: 0, bytes: 0, append: () => void batch.rows++ }
        return batch
      },
      write,
      close: async () => {},
    }),
  }
}
