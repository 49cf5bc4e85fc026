import { describe, expect, expectTypeOf, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import type { Stream } from '../../src/stream/stream.ts'
import { untilTimeLimit, untilWindowCloses } from '../../src/stream/suppression.ts'
import type { WindowedTable } from '../../src/stream/table.ts'
import { topic } from '../../src/stream/topic.ts'
import { type Declare, topology } from '../../src/stream/topology.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'
import { hopping, session, tumbling, type Windowed } from '../../src/windows/windows.ts'

const input = topic('in', { key: serdes.string, value: serdes.string })
const other = topic('other', { key: serdes.string, value: serdes.long })
const output = topic<string, string>('out', { key: serdes.string, value: serdes.string })
const lateTopic = topic<unknown, unknown>('late', { key: serdes.json(), value: serdes.json() })

function drive(declare: (declare: Declare) => void) {
  return new TestDriver(topology('app', declare))
}

function show<K, V>(stream: Stream<Windowed<K>, V>): Stream<string, string> {
  return stream.map((value, { key, startMs, endMs }) => [`${key}@${startMs}-${endMs}`, String(value)])
}

function written(driver: TestDriver): string[] {
  return driver.read(output).map(({ key, value }) => `${key}=${value}`)
}

describe('late$', () => {
  test('offers each late record once for each window that it missed, with the window and the stream time', () => {
    const driver = drive(({ stream }) => {
      stream(input)
        .groupByKey()
        .windowedBy(hopping({ sizeMs: 10, advanceMs: 5 }))
        .count()
        .late$.to(lateTopic)
    })
    driver.pipe(input, { key: 'a', value: 'x', timestampMs: 30 }, { key: 'b', value: 'y', timestampMs: 7 })
    expect(driver.read(lateTopic)).toEqual(
      [0, 5].map((startMs, offset) => ({
        key: 'b',
        value: { reason: 'late', value: 'y', window: { startMs, endMs: startMs + 10 }, streamTimeMs: 30 },
        timestampMs: 7,
        partition: 0,
        offset,
      })),
    )
    expect(driver.dropped).toBe(2)
  })

  test('is still that of the windows behind a filter, a mapper and a suppression', () => {
    const driver = drive(({ stream }) => {
      stream(input)
        .groupByKey()
        .windowedBy(tumbling({ sizeMs: 10 }))
        .count()
        .filter((count) => count > 0)
        .mapValues((count) => `${count}`)
        .suppress(untilWindowCloses)
        .late$.to(lateTopic)
    })
    driver.pipe(input, { key: 'a', value: 'x', timestampMs: 30 }, { key: 'b', value: 'y', timestampMs: 7 })
    expect(driver.read(lateTopic)).toHaveLength(1)
  })
})

describe('dropped$', () => {
  test('offers what an aggregation leaves out, with the reason', () => {
    const nullable = topic('in', {
      key: serdes.nullable(serdes.string),
      value: serdes.nullable(serdes.string),
    })
    const driver = drive(({ stream }) => {
      stream(nullable).groupByKey().count().dropped$.to(lateTopic)
    })
    driver.pipe(
      nullable,
      { key: null, value: 'x', timestampMs: 1 },
      { key: 'a', value: null, timestampMs: 2 },
    )
    expect(driver.read(lateTopic).map(({ key, value }) => [key, value])).toEqual([
      [null, { reason: 'null-key', value: 'x' }],
      ['a', { reason: 'null-value', value: null }],
    ])
  })
})

describe('windowed tables', () => {
  test('stay windowed behind a filter and a mapper, and so can be suppressed until their windows close', () => {
    const driver = drive(({ stream }) => {
      const counts = stream(input)
        .groupByKey()
        .windowedBy(tumbling({ sizeMs: 10 }))
        .count()
      const texts = counts.filter((count) => count > 1).mapValues((count) => `${count} of them`)
      expectTypeOf(texts).toEqualTypeOf<WindowedTable<string, string, string>>()
      show(texts.suppress(untilWindowCloses).toStream()).to(output)
    })
    for (const [key, timestampMs] of [
      ['a', 1],
      ['b', 2],
      ['a', 3],
      ['c', 10],
      ['c', 11],
    ] as const) {
      driver.pipe(input, { key, value: 'x', timestampMs })
    }
    expect(written(driver)).toEqual(['a@0-10=2 of them'])
  })

  test('alone can be suppressed until windows close, and never send final results early', () => {
    // Not run: the compiler is the judge.
    const misuse = ({ stream }: Declare) => {
      const grouped = stream(input).groupByKey()
      // @ts-expect-error a table without windows has none that close
      grouped.count().suppress(untilWindowCloses)
      const windowed = grouped.windowedBy(tumbling({ sizeMs: 10 }))
      // @ts-expect-error a final result is not sent early
      windowed.count().suppress(untilWindowCloses, { recordsMax: 1, whenFull: 'emitEarly' })
      windowed.count().suppress(untilTimeLimit({ limitMs: 10 }), { recordsMax: 1, whenFull: 'emitEarly' })
      const spec = { initializer: () => 0, aggregator: (a: number) => a }
      // @ts-expect-error sessions need a merger
      grouped.windowedBy(session({ gapMs: 10 })).aggregate(spec)
      // @ts-expect-error an ungrouped stream has no windows
      stream(input).windowedBy(tumbling({ sizeMs: 10 }))
      // @ts-expect-error windows are counted, reduced or aggregated before they are streamed
      windowed.toStream()
    }
    expect(misuse).toBeTypeOf('function')
  })
})

describe('a cogroup', () => {
  const cogrouped = ({ stream }: Declare) => {
    const texts = stream(input).groupByKey()
    const numbers = stream(other).groupByKey()
    return texts
      .cogroup<string>((a, value) => `${a}${value}`)
      .cogroup(numbers, (a, value) => `${a}${value.toFixed(1)}`)
  }

  test('makes one aggregate of several streams, each with the type of its own values', () => {
    const driver = drive((declare) => {
      cogrouped(declare)
        .aggregate('all', () => '.')
        .toStream()
        .mapValues(String)
        .to(output)
    })
    driver.pipe(input, { key: 'a', value: 'x', timestampMs: 1 })
    driver.pipe(other, { key: 'a', value: 2, timestampMs: 2 })
    expect(written(driver)).toEqual(['a=.x', 'a=.x2.0'])
  })

  test('keeps a stream time for each of its streams', () => {
    const driver = drive((declare) => {
      show(
        cogrouped(declare)
          .windowedBy(tumbling({ sizeMs: 10, graceMs: 0 }))
          .aggregate(() => '.', { retentionMs: 100 })
          .toStream(),
      ).to(output)
    })
    driver.pipe(input, { key: 'a', value: 'x', timestampMs: 50 })
    driver.pipe(other, { key: 'a', value: 1, timestampMs: 3 })
    driver.pipe(input, { key: 'a', value: 'y', timestampMs: 3 })
    expect(written(driver)).toEqual(['a@50-60=.x', 'a@0-10=.1.0'])
    expect(driver.dropped).toBe(1)
  })

  test('merges sessions of several streams', () => {
    const driver = drive((declare) => {
      const sessions = cogrouped(declare).windowedBy(session({ gapMs: 5, graceMs: 20 }))
      show(
        sessions
          .aggregate(
            () => '.',
            (a, b) => `${a}|${b}`,
          )
          .toStream(),
      ).to(output)
    })
    driver.pipe(input, { key: 'a', value: 'x', timestampMs: 1 })
    driver.pipe(other, { key: 'a', value: 7, timestampMs: 4 })
    expect(written(driver)).toEqual(['a@1-1=.x', 'a@1-1=null', 'a@1-4=.|.x7.0'])
  })
})

describe('sessions with a gap of 0', () => {
  // As Kafka Streams 4.3.1 answered.
  const sessions = (graceMs: number) => {
    const driver = drive(({ stream }) => {
      const windowed = stream(input)
        .groupByKey()
        .windowedBy(session({ gapMs: 0, graceMs }))
      show(windowed.reduce((a, b) => a + b).toStream()).to(output)
    })
    for (const [value, timestampMs] of [
      ['x', 10],
      ['y', 10],
      ['z', 11],
      ['w', 10],
      ['v', 20],
    ] as const)
      driver.pipe(input, { key: 'a', value, timestampMs })
    return { results: written(driver), dropped: driver.dropped }
  }

  test('are instants: what comes at the same moment belongs together, while its store remembers it', () => {
    expect(sessions(5)).toEqual({
      results: ['a@10-10=x', 'a@10-10=xy', 'a@11-11=z', 'a@10-10=xyw', 'a@20-20=v'],
      dropped: 0,
    })
  })

  test('forget at once without grace', () => {
    expect(sessions(0)).toEqual({ results: ['a@10-10=x', 'a@10-10=y', 'a@11-11=z', 'a@20-20=v'], dropped: 1 })
  })
})

test.each([
  { retentionMs: 15, again: 'a@0-0=1' },
  { retentionMs: 16, again: 'a@0-0=2' },
])(
  'a session that closes exactly now is emitted, and again with what it still takes: kept $retentionMs ms, as $again',
  ({ retentionMs, again }) => {
    const driver = drive(({ stream }) => {
      const counts = stream(input)
        .groupByKey()
        .windowedBy(session({ gapMs: 10, graceMs: 5 }))
        .count({ retentionMs })
      show(counts.suppress(untilWindowCloses).toStream()).to(output)
    })
    driver.pipe(input, { key: 'a', value: 'x', timestampMs: 0 }, { key: 'b', value: 'x', timestampMs: 15 })
    expect(written(driver)).toEqual(['a@0-0=1'])
    driver.pipe(input, { key: 'a', value: 'y', timestampMs: 0 })
    expect(written(driver)).toEqual([again])
    driver.pipe(input, { key: 'b', value: 'y', timestampMs: 16 }, { key: 'a', value: 'z', timestampMs: 0 })
    expect(written(driver)).toEqual([])
  },
)
