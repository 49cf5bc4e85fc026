import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { counting } from '../../src/operators/aggregation.ts'
import type { Emission } from '../../src/operators/emission.ts'
import type { OperatorContext } from '../../src/operators/operator.ts'
import { slidingAggregate } from '../../src/operators/sliding-aggregate.ts'
import type { TableChunk } from '../../src/records/chunk.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { windowStore } from '../../src/state/window-store.ts'
import { type SlidingWindows, sliding, type Windowed } from '../../src/windows/windows.ts'
import { chunk, describeOperator, driveOperator } from '../support/operator-family.ts'

interface Options {
  readonly retentionMs?: number
  readonly emit?: Emission
}

function storeOf({ differenceMs, graceMs }: SlidingWindows, retentionMs = 2 * differenceMs + graceMs) {
  return windowStore<string, number>({
    name: 'counts',
    key: serdes.string,
    value: serdes.long,
    sizeMs: differenceMs,
    retentionMs,
  })
}

function count(windows: SlidingWindows, { emit = 'onUpdate', retentionMs }: Options = {}) {
  const store = storeOf(windows, retentionMs)
  return (context?: OperatorContext) =>
    slidingAggregate<string, string | null, number>({ windows, aggregation: counting, store, emit }, context)
}

/** `key@start-end=value(timestamp)`. */
function written(chunks: readonly TableChunk<Windowed<string>, number>[]): string[] {
  return chunks.flatMap(({ keys, values, timestampsMs }) =>
    keys.map(({ key, startMs, endMs }, i) => `${key}@${startMs}-${endMs}=${values[i]}(${timestampsMs[i]})`),
  )
}

function drive(windows: SlidingWindows, options: Options = {}) {
  const { next, dropped } = driveOperator(count(windows, options))
  return {
    dropped,
    put: (key: string | null, timestampMs: number, value: string | null = 'x') =>
      written(next(chunk([key, value, timestampMs]))),
  }
}

describeOperator('slidingAggregate', {
  operator: (context) => count(sliding({ differenceMs: 10 }))(context),
  inputs: [chunk(['a', 'x', 20]), chunk(['a', 'x', 25])],
  outputs: [
    [{ key: { key: 'a', startMs: 10, endMs: 20 }, value: 1, timestampMs: 20, offset: 0 }],
    [
      { key: { key: 'a', startMs: 21, endMs: 31 }, value: 1, timestampMs: 25, offset: 0 },
      { key: { key: 'a', startMs: 15, endMs: 25 }, value: 2, timestampMs: 25, offset: 0 },
    ],
  ],
  throwing(fail, context) {
    const windows = sliding({ differenceMs: 10 })
    const aggregation = { initializer: () => 0, aggregator: fail }
    return slidingAggregate({ windows, aggregation, store: storeOf(windows) }, context)
  },
})

describe('sliding windows', () => {
  test('come in this order: those that exist, latest first; the right one of the record before; left; right', () => {
    const { put } = drive(sliding({ differenceMs: 10, graceMs: 100 }))
    put('a', 20)
    put('a', 30)
    expect(put('a', 26)).toEqual(['a@21-31=2(30)', 'a@20-30=3(30)', 'a@16-26=2(26)', 'a@27-37=1(30)'])
  })

  test('of a record before d come so: those that exist, earliest first; its right one; that of the record before; [0, d]', () => {
    const { put } = drive(sliding({ differenceMs: 10, graceMs: 100 }))
    expect(put('a', 2)).toEqual(['a@0-10=1(2)'])
    expect(put('a', 8)).toEqual(['a@3-13=1(8)', 'a@0-10=2(8)'])
    expect(put('a', 5)).toEqual(['a@3-13=2(8)', 'a@6-16=1(8)', 'a@0-10=3(8)'])
  })

  test('drop a record once if it is late altogether: its time plus d is before stream time minus grace', () => {
    const { put, dropped } = drive(sliding({ differenceMs: 10, graceMs: 5 }))
    put('a', 50)
    expect(put('b', 34)).toEqual([])
    expect(dropped).toEqual(['late'])
    put('b', 35)
    expect(dropped).toEqual(['late', 'late'])
  })

  test('let a record in time update only windows that end at or after stream time minus grace, and count the others', () => {
    const { put, dropped } = drive(sliding({ differenceMs: 10 }))
    put('a', 40)
    put('a', 45)
    expect(put('a', 43)).toEqual(['a@41-51=2(45)', 'a@35-45=3(45)', 'a@44-54=1(45)'])
    expect(dropped).toEqual(['late'])
  })

  test('leave out a null key and a null value, neither of which moves stream time', () => {
    const { put, dropped } = drive(sliding({ differenceMs: 10 }))
    put('a', 20)
    put(null, 99)
    put('a', 99, null)
    expect(put('a', 20)).toEqual(['a@10-20=2(20)'])
    expect(dropped).toEqual(['null-key', 'null-value'])
  })

  test('on window close are emitted once when stream time is past end plus grace, but not by a record before d', () => {
    const { put } = drive(sliding({ differenceMs: 10 }), { emit: 'onWindowClose', retentionMs: 1_000 })
    expect(put('a', 3)).toEqual([])
    expect(put('a', 10)).toEqual([])
    expect(put('b', 11)).toEqual(['a@0-10=2(10)'])
    expect(put('b', 40)).toEqual(['b@1-11=1(11)', 'a@4-14=1(10)'])
  })

  test('on window close lose nothing by a jump of stream time', () => {
    const { put } = drive(sliding({ differenceMs: 10 }), { emit: 'onWindowClose' })
    put('a', 20)
    expect(put('a', 500)).toEqual(['a@10-20=1(20)'])
  })

  test('hold, in the end, what a naive count says, for records in any order within the grace', () => {
    const differenceMs = 10
    const times = fc.array(fc.integer({ min: differenceMs, max: 60 }), { minLength: 1, maxLength: 25 })
    fc.assert(
      fc.property(times, (timestampsMs) => {
        const { next } = driveOperator(
          count(sliding({ differenceMs, graceMs: 1_000 }), { retentionMs: 10_000 }),
        )
        const counts = new Map<number, number>()
        for (const timestampMs of timestampsMs) {
          for (const { keys, values } of next(chunk(['a', 'x', timestampMs]))) {
            for (const [i, { startMs }] of keys.entries()) counts.set(startMs, values[i] as number)
          }
        }
        const starts = new Set(timestampsMs.flatMap((ts) => [ts - differenceMs, ts + 1]))
        const expected = [...starts].flatMap((startMs): [number, number][] => {
          const held = timestampsMs.filter((ts) => ts >= startMs && ts <= startMs + differenceMs)
          return held.length > 0 ? [[startMs, held.length]] : []
        })
        expect(new Map([...counts].toSorted())).toEqual(new Map(expected.toSorted()))
      }),
    )
  })
})
