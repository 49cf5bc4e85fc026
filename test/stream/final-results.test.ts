import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FinalResultBounds } from '../../src/index.ts'
import { chunkOf, type Headers } from '../../src/records/chunk.ts'
import { Task } from '../../src/runtime/task.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import type { WindowStore } from '../../src/state/window-store.ts'
import { describe as described } from '../../src/stream/describe.ts'
import { diffTopologies } from '../../src/stream/diff.ts'
import type { GraphNode } from '../../src/stream/graph.ts'
import { type SubTopology, subTopologiesOf } from '../../src/stream/sub-topologies.ts'
import { untilWindowCloses } from '../../src/stream/suppression.ts'
import type { WindowedTable } from '../../src/stream/table.ts'
import { topic } from '../../src/stream/topic.ts'
import { type Topology, topology } from '../../src/stream/topology.ts'
import { type Change, commitChanges } from '../../src/testing/commit-changes.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'
import { hopping, tumbling } from '../../src/windows/windows.ts'

const numbers = { key: serdes.string, value: serdes.long }
const [input, other] = [topic('in', numbers), topic('other', numbers)]
const output = topic('out', { key: serdes.string, value: serdes.json<unknown>() })

/** With bounds, however wide, a suppression holds the windows back in a buffer of its own. */
const buffered: FinalResultBounds = { recordsMax: 1_000_000, whenFull: 'shutDown' }

/** 0 deletes the window, 13 is refused. */
const summing = {
  initializer: () => 0,
  aggregator: (sum: number, value: number) => {
    if (value === 13) throw new RangeError('unlucky')
    return value === 0 ? null : sum + value
  },
}

const windows = {
  'tumbling windows': tumbling({ sizeMs: 10 }),
  'tumbling windows with grace': tumbling({ sizeMs: 10, graceMs: 5 }),
  'hopping windows': hopping({ sizeMs: 10, advanceMs: 4, graceMs: 3 }),
  'windows with an offset': tumbling({ sizeMs: 10, offsetMs: 3, graceMs: 2 }),
}
type Windows = (typeof windows)[keyof typeof windows]

function ended(sums: WindowedTable<string, number, number>, bounds?: FinalResultBounds): void {
  const closed = bounds
    ? sums.suppress('closed', untilWindowCloses, bounds)
    : sums.suppress('closed', untilWindowCloses)
  closed
    .toStream()
    .map('text', (sum, { key, startMs }) => [`${key}@${startMs}`, sum])
    .to(output)
}

function summed(of: Windows, bounds?: FinalResultBounds, retentionMs?: number): Topology {
  return topology('app', ({ stream }) =>
    ended(
      stream(input, { isHeartbeat: (value) => value === -1 })
        .groupByKey()
        .windowedBy(of)
        .aggregate('sum', summing, retentionMs === undefined ? {} : { retentionMs }),
      bounds,
    ),
  )
}

function cogrouped(of: Windows, bounds?: FinalResultBounds): Topology {
  return topology('app', ({ stream }) =>
    ended(
      stream(input)
        .groupByKey()
        .cogroup(summing.aggregator)
        .cogroup(stream(other).groupByKey(), summing.aggregator)
        .windowedBy(of)
        .aggregate('sum', summing.initializer),
      bounds,
    ),
  )
}

interface Written {
  readonly key: string
  readonly value: number
  readonly timestampMs: number
  readonly headers?: Headers | undefined
  readonly ofOther?: boolean
}

const written: fc.Arbitrary<Written> = fc.record({
  key: fc.constantFrom('a', 'b', 'aa', 'é'),
  value: fc.constantFrom(0, 1, 2, 3, 13, -1),
  timestampMs: fc.nat(80),
  headers: fc.option(fc.constantFrom<Headers>([['n', Buffer.from('1')]], [['m', null]]), { nil: undefined }),
  ofOther: fc.boolean(),
})

function outputsOf(app: Topology, records: readonly Written[]) {
  const driver = new TestDriver(app, { onCallbackError: () => 'drop' })
  const topics = new Set(app.nodes.flatMap((node) => (node.type === 'topic-source' ? [node.topic.name] : [])))
  for (const { ofOther, headers, ...record } of records)
    driver.pipe(ofOther && topics.has('other') ? other : input, headers ? { ...record, headers } : record)
  return driver
    .read(output)
    .map(({ key, value, timestampMs, headers = [] }) => ({ key, value, timestampMs, headers }))
}

describe.for(Object.entries(windows))('%s', ([, of]) => {
  test.for([
    ['an aggregation', summed],
    [
      'an aggregation that keeps windows',
      (of: Windows, bounds?: FinalResultBounds) => summed(of, bounds, 40),
    ],
    ['several streams together', cogrouped],
  ] as const)('%s emits itself what a suppression behind it would', ([, app]) => {
    fc.assert(
      fc.property(fc.array(written, { maxLength: 60 }), (records) => {
        expect(outputsOf(app(of), records)).toEqual(outputsOf(app(of, buffered), records))
      }),
      { numRuns: 200 },
    )
  })
})

interface Committed {
  readonly times: ReadonlyMap<string, number>
  /** How many records were read by then. */
  readonly position: number
}

/** A task that is made anew from time to time, out of its compacted changelogs and the times that were committed. */
class RestartedTask {
  readonly emitted: [window: unknown, sum: unknown][] = []
  #task: Task
  #committed: Committed = { times: new Map(), position: 0 }
  #position = 0
  readonly #subTopology: SubTopology
  readonly #changelogs = new Map<string, Map<string, Change>>()

  constructor(app: Topology) {
    this.#subTopology = subTopologiesOf(app)[0] as SubTopology
    this.#task = this.#begun()
  }

  get position(): number {
    return this.#position
  }

  /** In order of start, then of the key. */
  get windows() {
    const store = this.#task.stores.get('sum') as WindowStore<string, number>
    return store.startingIn(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY).map((window) => {
      const { windowed, value, timestampMs } = window
      return { ...windowed, value, timestampMs }
    })
  }

  get finalMs(): number {
    return this.#task.streamTimes.get('sum/final')?.ms ?? Number.NEGATIVE_INFINITY
  }

  process({ key, value, timestampMs, ofOther }: Written): void {
    const name = ofOther ? 'other' : 'in'
    const sources = this.#subTopology.nodes.filter((node) => node.type === 'topic-source')
    const source = sources.find((node) => node.topic.name === name) ?? sources[0]
    this.#task.process(source as GraphNode, chunkOf([{ key, value, timestampMs, offset: this.#position++ }]))
    for (const { chunk } of this.#task.takeOutputs())
      for (const [i, window] of chunk.keys.entries()) this.emitted.push([window, chunk.values[i]])
  }

  /** Only the changelogs have it, where the offsets are missing. */
  commit(withOffsets = true): void {
    for (const store of this.#task.stores.values()) {
      const changelog = this.#changelogs.get(store.name) ?? new Map<string, Change>()
      this.#changelogs.set(store.name, changelog)
      for (const change of commitChanges(store, { changelog: store.name, readsBack: false })) {
        const id = change.key.toString('hex')
        changelog.delete(id)
        changelog.set(id, change)
      }
    }
    if (!withOffsets) return
    const times = new Map([...this.#task.streamTimes].map(([name, { ms }]) => [name, ms]))
    this.#committed = { times, position: this.#position }
  }

  restart(times = this.#committed.times): void {
    this.#task = this.#begun()
    for (const [name, ms] of times) {
      const time = this.#task.streamTimes.get(name)
      if (time) time.ms = ms
      else this.#task.streamTimes.set(name, { ms })
    }
    for (const store of this.#task.stores.values()) {
      for (const { key, value, timestampMs } of this.#changelogs.get(store.name)?.values() ?? [])
        store.restore(key, value, timestampMs)
      store.restored?.()
    }
    this.#position = this.#committed.position
  }

  #begun(): Task {
    return new Task({ subTopology: this.#subTopology, now: () => 0, onCallbackError: () => 'drop' })
  }
}

const steps = fc.array(fc.tuple(written, fc.constantFrom('', 'commit', 'restart')), { maxLength: 60 })

describe.for(Object.entries(windows))('after a restart, %s', ([, of]) => {
  test.for([
    ['an aggregation', summed],
    ['several streams together', cogrouped],
  ] as const)('of %s go out as if there had been none', ([, app]) => {
    fc.assert(
      fc.property(steps, (taken) => {
        const [steady, task] = [new RestartedTask(app(of)), new RestartedTask(app(of))]
        for (const [record, then] of taken) {
          steady.process(record)
          task.process(record)
          if (then !== '') task.commit()
          if (then === 'restart') task.restart()
        }
        expect(task.emitted).toEqual(steady.emitted)
      }),
      { numRuns: 100 },
    )
  })

  test.for([of.sizeMs + of.graceMs, 40])('are in the store until they are final, in %i ms', (retentionMs) => {
    const app = summed(of, undefined, retentionMs)
    fc.assert(
      fc.property(steps, (taken) => {
        const [steady, task] = [new RestartedTask(app), new RestartedTask(app)]
        for (const [record, then] of taken) {
          steady.process(record)
          task.process(record)
          if (then !== '') task.commit()
          if (then !== 'restart') continue
          task.restart()
          const open = steady.windows.filter(({ startMs }) => startMs > steady.finalMs - retentionMs)
          expect(task.windows).toEqual(open)
        }
      }),
      { numRuns: 100 },
    )
  })

  test('count nothing too little where changelogs are ahead of the offsets, at least once', () => {
    const replayed = fc.array(fc.tuple(written, fc.constantFrom('', '', 'commit', 'crash')), {
      maxLength: 60,
    })
    fc.assert(
      fc.property(replayed, (taken) => {
        const [steady, task] = [new RestartedTask(summed(of)), new RestartedTask(summed(of))]
        const records = taken.map(([record]) => ({ ...record, value: 1 }))
        for (const record of records) steady.process(record)
        // It has committed once: where a group has no offsets yet, nothing says how old its changelogs are.
        task.process(records[0] ?? { key: 'a', value: 1, timestampMs: 0 })
        task.commit()
        const thens = taken.map(([, then]) => then)
        while (task.position < records.length) {
          const then = thens[task.position]
          thens[task.position] = ''
          task.process(records[task.position] as Written)
          if (then === 'commit') task.commit()
          if (then !== 'crash') continue
          task.commit(false)
          task.restart()
        }
        const last = new Map(task.emitted)
        for (const [window, sum] of steady.emitted)
          expect(last.get(window), String(window)).toBeGreaterThanOrEqual(sum as number)
      }),
      { numRuns: 100 },
    )
  })
})

test('what is read again, at least once, still comes to its window after another stop', () => {
  const task = new RestartedTask(summed(tumbling({ sizeMs: 10, graceMs: 5 })))
  const records = [
    { key: 'a', timestampMs: 1 },
    { key: 'b', timestampMs: 12 },
    { key: 'a', timestampMs: 2 },
    { key: 'a', timestampMs: 3 },
    { key: 'b', timestampMs: 16 },
  ].map((record) => ({ ...record, value: 1 }))
  const processTo = (position: number) => {
    while (task.position < position) task.process(records[task.position] as Written)
  }
  processTo(1)
  task.commit()
  processTo(5)
  task.commit(false)
  task.restart()
  // The window of b was restored with the time of its last update, which comes before its first record is read again.
  processTo(2)
  task.commit()
  task.restart()
  processTo(5)
  expect(new Map(task.emitted).get('a@0')).toBe(3)
})

test('what has gone out does not go out again where the times of a task are lost', () => {
  const task = new RestartedTask(summed(tumbling({ sizeMs: 10, graceMs: 5 })))
  const record = { key: 'a', value: 1 }
  task.process({ ...record, timestampMs: 1 })
  task.commit()
  for (const timestampMs of [2, 16]) task.process({ ...record, timestampMs })
  task.commit()
  task.restart(new Map())
  for (const timestampMs of [17, 26]) task.process({ ...record, timestampMs })
  expect(task.emitted).toEqual([
    ['a@0', 2],
    ['a@10', 2],
  ])
})

test('a longer grace breaks: what is out would go out again, with what the changelog has of it', () => {
  const [short, long] = [5, 50].map((graceMs) => summed(tumbling({ sizeMs: 10, graceMs }))) as [
    Topology,
    Topology,
  ]
  expect(diffTopologies(short, long)).toContainEqual(
    expect.objectContaining({ effect: 'breaks', what: 'the store "sum" keeps 60 instead of 15 ms' }),
  )
})

const storesOf = (app: Topology) =>
  described(app).subTopologies.flatMap(({ nodes }) =>
    nodes.flatMap(({ stores }) => stores.map(({ name }) => name)),
  )

describe('windows are held back in a buffer of their own', () => {
  const of = tumbling({ sizeMs: 10 })

  test('where there are bounds, and else not', () => {
    expect(storesOf(summed(of))).toEqual(['sum', 'closed-headers'])
    expect(storesOf(summed(of, buffered))).toEqual(['sum', 'closed'])
  })

  test('where somebody else takes the updates', () => {
    const app = topology('app', ({ stream }) => {
      const sums = stream(input).groupByKey().windowedBy(of).aggregate('sum', summing)
      ended(sums)
      sums
        .toStream()
        .map((sum, { key }) => [key, sum])
        .to(output)
    })
    expect(storesOf(app)).toEqual(['sum', 'closed'])
  })

  test('where somebody asks what a final result has replaced', () => {
    const app = topology('app', ({ stream }) => {
      stream(input)
        .groupByKey()
        .windowedBy(of)
        .aggregate('sum', summing)
        .suppress('closed', untilWindowCloses)
        .mapValues('doubled', (sum) => sum * 2)
        .toStream()
        .map((sum, { key }) => [key, sum])
        .to(output)
    })
    expect(storesOf(app)).toEqual(['sum', 'closed'])
  })
})

test('what an upgrade, and a way back, do to windows that are held back is said', () => {
  const of = tumbling({ sizeMs: 10 })
  const [before, after] = [summed(of, buffered), summed(of)]
  expect(diffTopologies(before, after).map(({ effect, what }) => `${effect}: ${what}`)).toEqual([
    `moves: the windows that "closed" holds back wait in their aggregation's own store`,
    'safe: the store "closed-headers" is new',
  ])
  expect(diffTopologies(after, before).map(({ effect, what }) => `${effect}: ${what}`)).toEqual([
    'breaks: the store "closed-headers" is gone',
    'breaks: the windows that "closed" holds back wait in a buffer of their own',
  ])
})
