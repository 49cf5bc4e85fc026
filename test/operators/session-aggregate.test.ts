import { describe, expect, test } from 'vitest'
import { counting, reduction, type SessionAggregation } from '../../src/operators/aggregation.ts'
import type { Emission } from '../../src/operators/emission.ts'
import type { OperatorContext } from '../../src/operators/operator.ts'
import { sessionAggregate } from '../../src/operators/session-aggregate.ts'
import type { TableChunk } from '../../src/records/chunk.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { sessionStore } from '../../src/state/session-store.ts'
import { type SessionWindows, session, type Windowed } from '../../src/windows/windows.ts'
import { chunk, describeOperator, driveOperator } from '../support/operator-family.ts'

const concat: SessionAggregation<string, string | null, string> = {
  initializer: () => '.',
  aggregator: (a, value) => `${a}${value}`,
  merger: (a, b) => `${a}|${b}`,
}

interface Options<A> {
  readonly aggregation: SessionAggregation<string, string | null, A>
  readonly emit?: Emission
  readonly retentionMs?: number
}

function aggregate<A>(windows: SessionWindows, { aggregation, emit, retentionMs }: Options<A>) {
  const store = sessionStore<string, A>({
    name: 'sessions',
    key: serdes.string,
    value: serdes.json<A>(),
    retentionMs: retentionMs ?? windows.gapMs + windows.graceMs,
  })
  return (context?: OperatorContext) =>
    sessionAggregate<string, string | null, A>(
      { windows, aggregation, store, ...(emit && { emit }) },
      context,
    )
}

/** `key@start-end=value(timestamp)`, with the old value behind a `<` where there is one. */
function written(chunks: readonly TableChunk<Windowed<string>, unknown>[]): string[] {
  return chunks.flatMap(({ keys, values, oldValues, timestampsMs }) =>
    keys.map(({ key, startMs, endMs }, i) => {
      const old = oldValues[i] === null ? '' : `<${oldValues[i]}`
      return `${key}@${startMs}-${endMs}=${values[i]}(${timestampsMs[i]})${old}`
    }),
  )
}

function drive<A>(windows: SessionWindows, options: Options<A>, overrides: Partial<OperatorContext> = {}) {
  const { next, dropped } = driveOperator(aggregate(windows, options), overrides)
  return {
    dropped,
    put: (key: string | null, value: string | null, timestampMs: number) =>
      written(next(chunk([key, value, timestampMs]))),
  }
}

describeOperator('sessionAggregate', {
  operator: (context) => aggregate(session({ gapMs: 5 }), { aggregation: concat })(context),
  inputs: [chunk(['a', 'x', 1], ['a', 'y', 3]), chunk(['a', 'z', 20])],
  outputs: [
    [
      { key: { key: 'a', startMs: 1, endMs: 1 }, value: '.x', timestampMs: 1, offset: 0 },
      { key: { key: 'a', startMs: 1, endMs: 1 }, value: null, timestampMs: 1, offset: 1 },
      { key: { key: 'a', startMs: 1, endMs: 3 }, value: '.|.xy', timestampMs: 3, offset: 1 },
    ],
    [{ key: { key: 'a', startMs: 20, endMs: 20 }, value: '.z', timestampMs: 20, offset: 0 }],
  ],
  throwing: (fail, context) =>
    aggregate(session({ gapMs: 5 }), { aggregation: { ...concat, aggregator: fail } })(context),
})

describe('sessions', () => {
  const grace = session({ gapMs: 5, graceMs: 10 })

  test('hold records of a key that are exactly the gap apart, and both their ends', () => {
    const { put } = drive(grace, { aggregation: counting })
    put('a', 'x', 10)
    expect(put('a', 'x', 15)).toEqual(['a@10-10=null(10)<1', 'a@10-15=2(15)'])
    expect(put('a', 'x', 21)).toEqual(['a@21-21=1(21)'])
    expect(put('b', 'x', 15)).toEqual(['b@15-15=1(15)'])
  })

  test('that a record joins each get a tombstone, before the one that they become', () => {
    const { put } = drive(grace, { aggregation: concat })
    put('a', 'x', 10)
    put('a', 'y', 18)
    expect(put('a', 'z', 14)).toEqual(['a@10-10=null(10)<.x', 'a@18-18=null(18)<.y', 'a@10-18=.|.x|.yz(18)'])
  })

  test('get no tombstone from a record at the instant of a one-record session', () => {
    const { put } = drive(grace, { aggregation: counting })
    put('a', 'x', 10)
    expect(put('a', 'x', 10)).toEqual(['a@10-10=2(10)'])
  })

  test('get a tombstone and the same session again from a record inside of them', () => {
    const { put } = drive(grace, { aggregation: counting })
    put('a', 'x', 10)
    put('a', 'x', 14)
    expect(put('a', 'x', 12)).toEqual(['a@10-14=null(14)<2', 'a@10-14=3(14)'])
  })

  test('take a late record if the session that it makes with others is in time', () => {
    const { put, dropped } = drive(session({ gapMs: 5 }), { aggregation: counting, retentionMs: 1_000 })
    put('a', 'x', 10)
    put('b', 'x', 15)
    expect(put('a', 'x', 9)).toEqual(['a@10-10=null(10)<1', 'a@9-10=2(10)'])
    expect(put('c', 'x', 9)).toEqual([])
    expect(dropped).toEqual(['late'])
  })

  test('are late only when their end is before stream time minus grace minus gap', () => {
    const { put, dropped } = drive(session({ gapMs: 5, graceMs: 2 }), { aggregation: counting })
    put('a', 'x', 20)
    expect(put('b', 'x', 13)).toEqual(['b@13-13=1(13)'])
    expect(put('c', 'x', 12)).toEqual([])
    expect(dropped).toEqual(['late'])
  })

  test('that have ended exactly at the limit are forgotten, and not merged though the record is in time', () => {
    const { put } = drive(session({ gapMs: 5 }), { aggregation: counting })
    put('a', 'x', 10)
    put('b', 'x', 15)
    expect(put('a', 'x', 15)).toEqual(['a@15-15=1(15)'])
  })

  test('leave out a null key, which does not move stream time, and take a null value', () => {
    const { put, dropped } = drive(grace, { aggregation: concat })
    put('a', 'x', 10)
    put(null, 'x', 99)
    expect(put('a', null, 10)).toEqual(['a@10-10=.|.xnull(10)'])
    expect(dropped).toEqual(['null-key'])
  })

  test('are reduced beginning with their first value', () => {
    const { put } = drive(grace, { aggregation: reduction<string, string | null>((a, b) => `${a}+${b}`) })
    put('a', 'x', 10)
    put('a', 'y', 18)
    expect(put('a', 'z', 14).at(-1)).toBe('a@10-18=x+y+z(18)')
  })

  test('are not stored when their aggregate is null', () => {
    const aggregation = {
      ...concat,
      aggregator: (a: string | null, v: string | null) => (v === 'x' ? null : `${a}${v}`),
    }
    const { put } = drive(grace, { aggregation })
    expect(put('a', 'x', 10)).toEqual(['a@10-10=null(10)'])
    expect(put('a', 'y', 12)).toEqual(['a@12-12=.y(12)'])
  })

  test('on window close are emitted once when stream time is past end, gap and grace: by end, start, key; no tombstones', () => {
    const { put } = drive(session({ gapMs: 5 }), {
      aggregation: counting,
      emit: 'onWindowClose',
      retentionMs: 100,
    })
    for (const [key, timestampMs] of [
      ['b', 1],
      ['a', 3],
      ['c', 2],
      ['a', 5],
      ['d', 5],
    ] as const) {
      expect(put(key, 'x', timestampMs)).toEqual([])
    }
    expect(put('z', 'x', 10)).toEqual(['b@1-1=1(1)', 'c@2-2=1(2)'])
    expect(put('z', 'x', 11)).toEqual(['a@3-5=2(5)', 'd@5-5=1(5)'])
  })

  test('on window close lose nothing by a jump of stream time', () => {
    const { put } = drive(session({ gapMs: 5 }), { aggregation: counting, emit: 'onWindowClose' })
    put('a', 'x', 1)
    expect(put('a', 'x', 500)).toEqual(['a@1-1=1(1)'])
    expect(put('a', 'x', 900)).toEqual(['a@500-500=1(500)'])
  })
})
