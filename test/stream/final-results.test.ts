import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { FinalResultBounds } from '../../src/index.ts'
import type { Headers } from '../../src/records/chunk.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { describe as described } from '../../src/stream/describe.ts'
import { diffTopologies } from '../../src/stream/diff.ts'
import { untilWindowCloses } from '../../src/stream/suppression.ts'
import type { WindowedTable } from '../../src/stream/table.ts'
import { topic } from '../../src/stream/topic.ts'
import { type Topology, topology } from '../../src/stream/topology.ts'
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

function summed(of: Windows, bounds?: FinalResultBounds): Topology {
  return topology('app', ({ stream }) =>
    ended(
      stream(input, { isHeartbeat: (value) => value === -1 })
        .groupByKey()
        .windowedBy(of)
        .aggregate('sum', summing, { retentionMs: 40 }),
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

const written = fc.record({
  key: fc.constantFrom('a', 'b', 'aa', 'é'),
  value: fc.constantFrom(0, 1, 2, 3, 13, -1),
  timestampMs: fc.nat(80),
  headers: fc.option(fc.constantFrom<Headers>([['n', Buffer.from('1')]], [['m', null]]), { nil: undefined }),
  ofOther: fc.boolean(),
})

function outputsOf(
  app: Topology,
  records: readonly (typeof written extends fc.Arbitrary<infer R> ? R : never)[],
) {
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
