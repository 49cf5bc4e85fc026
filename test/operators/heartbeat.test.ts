import { describe, expect, test } from 'vitest'
import { chunkOf } from '../../src/records/chunk.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import type { Stream } from '../../src/stream/stream.ts'
import { untilTimeLimit, untilWindowCloses } from '../../src/stream/suppression.ts'
import { topic } from '../../src/stream/topic.ts'
import { type Declare, topology } from '../../src/stream/topology.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'
import { session, sliding, tumbling } from '../../src/windows/windows.ts'

const input = topic('in', { key: serdes.string, value: serdes.string })
const output = topic('out', { key: serdes.string, value: serdes.nullable(serdes.long) })
const isHeartbeat = (value: string) => value === 'beat'

const closedMinutes = topology('app', ({ stream }) => {
  stream(input, { isHeartbeat })
    .peek((value) => expect(value).not.toBe('beat'))
    .groupByKey()
    .windowedBy(tumbling({ sizeMs: 10, graceMs: 5 }))
    .count()
    .suppress(untilWindowCloses)
    .toStream()
    .selectKey((_, { key, startMs }) => `${key}@${startMs}`)
    .to(output)
})

const records = [
  { key: 'a', value: 'x', timestampMs: 1 },
  { key: 'a', value: 'y', timestampMs: 3 },
  { key: 'any', value: 'beat', timestampMs: 14 },
  { key: 'a', value: 'in time', timestampMs: 2 },
  { key: 'any', value: 'beat', timestampMs: 15 },
  { key: 'a', value: 'late', timestampMs: 4 },
  { key: 'a', value: 'z', timestampMs: 40 },
]

function written(driver: TestDriver): string[] {
  return driver.read(output).map(({ key, value }) => `${key}=${value}`)
}

describe('heartbeats of a topic', () => {
  test('close the windows of an idle topic, and are seen by no step', () => {
    const driver = new TestDriver(closedMinutes)
    driver.pipe(input, ...records.slice(0, 4))
    expect(written(driver)).toEqual([])
    driver.pipe(input, records[4] as (typeof records)[number])
    expect(written(driver)).toEqual(['a@0=3'])
  })

  test('make late what comes for a window that they have closed', () => {
    const driver = new TestDriver(closedMinutes)
    driver.pipe(input, ...records)
    expect(written(driver)).toEqual(['a@0=3'])
    expect(driver.dropped).toBe(1)
  })

  test('stand among the records, so that a replay in one chunk gives the same', () => {
    const driver = new TestDriver(closedMinutes)
    driver.pipeChunk(input, chunkOf(records))
    expect(written(driver)).toEqual(['a@0=3'])
    expect(driver.dropped).toBe(1)
  })

  const grouped = ({ stream }: Declare) => stream(input, { isHeartbeat }).groupByKey()
  const emit = { emit: 'onWindowClose' } as const
  const keyA = () => 'a'

  test.for<[what: string, closesAtMs: number, counts: (declare: Declare) => Stream<string, number | null>]>([
    [
      'tumbling windows once they have closed',
      15,
      (declare) =>
        grouped(declare)
          .windowedBy(tumbling({ sizeMs: 10, graceMs: 5 }), emit)
          .count()
          .toStream(keyA),
    ],
    [
      'sliding windows once they have closed',
      16,
      (declare) =>
        grouped(declare)
          .windowedBy(sliding({ differenceMs: 10, graceMs: 5 }), emit)
          .count()
          .toStream(keyA),
    ],
    [
      'sessions once they have closed',
      21,
      (declare) =>
        grouped(declare)
          .windowedBy(session({ gapMs: 10, graceMs: 5 }), emit)
          .count()
          .toStream(keyA),
    ],
    [
      'what has waited for a time limit',
      15,
      (declare) =>
        grouped(declare)
          .count()
          .suppress(untilTimeLimit({ limitMs: 10 }))
          .toStream(),
    ],
  ])('emit %s', ([, closesAtMs, counts]) => {
    const driver = new TestDriver(topology('app', (declare) => counts(declare).to(output)))
    driver.pipe(input, { key: 'a', value: 'x', timestampMs: 5 })
    driver.pipe(input, { key: 'a', value: 'beat', timestampMs: closesAtMs - 1 })
    expect(written(driver)).toEqual([])
    driver.pipe(input, { key: 'a', value: 'beat', timestampMs: closesAtMs })
    expect(written(driver)).toEqual(['a=1'])
  })

  test('look for closed windows no more often than records do', () => {
    const app = topology('app', (declare) => {
      const counts = grouped(declare)
        .windowedBy(tumbling({ sizeMs: 10 }), emit)
        .count()
      counts.toStream(keyA).to(output)
    })
    const driver = new TestDriver(app, { emitIntervalMs: 1_000 })
    driver.pipe(input, { key: 'a', value: 'x', timestampMs: 5 })
    driver.pipe(input, { key: 'a', value: 'beat', timestampMs: 10 })
    expect(written(driver)).toEqual([])
    driver.advanceWallClock(1_000)
    driver.pipe(input, { key: 'a', value: 'beat', timestampMs: 11 })
    expect(written(driver)).toEqual(['a=1'])
  })

  test('are told by a callback whose error has the place of the record', () => {
    const app = topology('app', ({ stream }) => {
      const fail = (): never => {
        throw new TypeError('no such thing')
      }
      stream(input, { isHeartbeat: fail }).mapValues(Number).to(output)
    })
    const place = { step: 'in', topic: 'in', partition: 0, offset: 0 }
    expect(() => new TestDriver(app).pipe(input, { key: 'a', value: 'x', timestampMs: 1 })).toThrow(
      expect.objectContaining({ code: 'CALLBACK_FAILED', place }),
    )
  })
})
