import { describe, expect, test } from 'vitest'
import { counting, reduction } from '../../src/operators/aggregation.ts'
import type { Emission } from '../../src/operators/emission.ts'
import { type OperatorContext, standalone } from '../../src/operators/operator.ts'
import { windowAggregate } from '../../src/operators/window-aggregate.ts'
import type { TableChunk } from '../../src/records/chunk.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { windowStore } from '../../src/state/window-store.ts'
import { hopping, type TimeWindows, tumbling, type Windowed } from '../../src/windows/windows.ts'
import { chunk, describeOperator, driveOperator } from '../support/operator-family.ts'

interface Options {
  readonly retentionMs?: number
  readonly emit?: Emission
}

function storeOf({ sizeMs, graceMs }: TimeWindows, { retentionMs = sizeMs + graceMs }: Options = {}) {
  return windowStore<string, number>({
    name: 'counts',
    key: serdes.string,
    value: serdes.long,
    sizeMs,
    retentionMs,
  })
}

function count(windows: TimeWindows, options: Options = {}) {
  const { emit = 'onUpdate' } = options
  const store = storeOf(windows, options)
  return (context?: OperatorContext) =>
    windowAggregate<string, unknown, number>({ windows, aggregation: counting, store, emit }, context)
}

/** `key@start=value(timestamp)`, with the old value behind a `<` where there is one. */
function written(chunks: readonly TableChunk<Windowed<string>, unknown>[]): string[] {
  return chunks.flatMap(({ keys, values, oldValues, timestampsMs }) =>
    keys.map(({ key, startMs }, i) => {
      const old = oldValues[i] === null ? '' : `<${oldValues[i]}`
      return `${key}@${startMs}=${values[i]}(${timestampsMs[i]})${old}`
    }),
  )
}

function drive(windows: TimeWindows, options: Options = {}, overrides: Partial<OperatorContext> = {}) {
  const { next, dropped } = driveOperator(count(windows, options), overrides)
  return {
    dropped,
    put: (key: string | null, timestampMs: number) => written(next(chunk([key, 'x', timestampMs]))),
  }
}

describeOperator('windowAggregate', {
  operator: (context) => count(tumbling({ sizeMs: 10 }))(context),
  inputs: [chunk(['a', 'x', 1], ['a', 'x', 2]), chunk(['a', 'x', 15])],
  outputs: [
    [
      { key: { key: 'a', startMs: 0, endMs: 10 }, value: 1, timestampMs: 1, offset: 0 },
      { key: { key: 'a', startMs: 0, endMs: 10 }, value: 2, timestampMs: 2, offset: 1 },
    ],
    [{ key: { key: 'a', startMs: 10, endMs: 20 }, value: 1, timestampMs: 15, offset: 0 }],
  ],
  throwing(fail, context) {
    const windows = tumbling({ sizeMs: 10 })
    const aggregation = { initializer: () => 0, aggregator: fail }
    return windowAggregate({ windows, aggregation, store: storeOf(windows) }, context)
  },
})

describe('tumbling and hopping windows', () => {
  test('are aligned to the epoch, and hold their start but not their end', () => {
    const { put } = drive(tumbling({ sizeMs: 10 }))
    expect(put('a', 9)).toEqual(['a@0=1(9)<0'])
    expect(put('a', 10)).toEqual(['a@10=1(10)<0'])
  })

  test('that overlap are updated earliest first', () => {
    const { put } = drive(hopping({ sizeMs: 10, advanceMs: 5 }))
    expect(put('a', 3)).toEqual(['a@0=1(3)<0'])
    expect(put('a', 12)).toEqual(['a@5=1(12)<0', 'a@10=1(12)<0'])
  })

  test('are updated only while their end is after stream time minus grace, judged after the record has moved it', () => {
    const { put, dropped } = drive(tumbling({ sizeMs: 10, graceMs: 5 }))
    put('a', 1)
    put('a', 14)
    expect(put('a', 2)).toEqual(['a@0=2(2)<1'])
    put('b', 15)
    expect(put('a', 3)).toEqual([])
    expect(dropped).toEqual(['late'])
  })

  test('count a late record once for each closed window that it misses', () => {
    const { put, dropped } = drive(hopping({ sizeMs: 10, advanceMs: 5 }))
    put('a', 16)
    expect(put('a', 7)).toEqual([])
    expect(put('a', 11)).toEqual(['a@10=2(16)<1'])
    expect(dropped).toEqual(['late', 'late', 'late'])
  })

  test('have no grace unless it is stated', () => {
    expect(tumbling({ sizeMs: 10 }).graceMs).toBe(0)
  })

  test('leave out a null key, which does not move stream time, and count a null value', () => {
    const { next, dropped } = driveOperator(count(tumbling({ sizeMs: 10 })))
    next(chunk(['a', 'x', 1]))
    next(chunk([null, 'x', 99]))
    expect(written(next(chunk(['a', null, 2])))).toEqual(['a@0=2(2)<1'])
    expect(dropped).toEqual(['null-key'])
  })

  test('give a null value to the reducer, but not the first one', () => {
    const windows = tumbling({ sizeMs: 10 })
    const store = windowStore<string, string | null>({
      name: 'texts',
      key: serdes.string,
      value: serdes.json<string | null>(),
      sizeMs: 10,
      retentionMs: 10,
    })
    const aggregation = reduction<string, string | null>((a, b) => `${a}+${b}`)
    const { next } = driveOperator((context) => windowAggregate({ windows, aggregation, store }, context))
    expect(written(next(chunk(['a', null, 1])))).toEqual(['a@0=null(1)'])
    expect(written(next(chunk(['a', 'x', 2])))).toEqual(['a@0=x(2)'])
    expect(written(next(chunk(['a', null, 3])))).toEqual(['a@0=x+null(3)<x'])
  })

  test('carry the largest time in them', () => {
    const { put } = drive(tumbling({ sizeMs: 10 }))
    put('a', 7)
    expect(put('a', 3)).toEqual(['a@0=2(7)<1'])
  })

  test('send the initial value as the old value of the first update, unless they are reduced', () => {
    const windows = tumbling({ sizeMs: 10 })
    const { next } = driveOperator((context) =>
      windowAggregate(
        { windows, aggregation: reduction<string, number>((a, b) => a + b), store: storeOf(windows) },
        context,
      ),
    )
    expect(written(next(chunk(['a', 5, 1])))).toEqual(['a@0=5(1)'])
    expect(drive(windows).put('a', 1)).toEqual(['a@0=1(1)<0'])
  })

  test('are deleted by a null aggregate, and begin anew', () => {
    const windows = tumbling({ sizeMs: 10 })
    const aggregation = {
      initializer: () => 0,
      aggregator: (a: number | null, b: number) => (b === 0 ? null : (a ?? 0) + b),
    }
    const { next } = driveOperator((context) =>
      windowAggregate({ windows, aggregation, store: storeOf(windows) }, context),
    )
    next(chunk(['a', 5, 1]))
    expect(written(next(chunk(['a', 0, 2])))).toEqual(['a@0=null(2)<5'])
    expect(written(next(chunk(['a', 3, 1])))).toEqual(['a@0=3(1)<0'])
  })

  test('each track a stream time of their own', () => {
    const first = drive(tumbling({ sizeMs: 10 }))
    const second = drive(tumbling({ sizeMs: 10 }))
    first.put('a', 50)
    expect(second.put('a', 1)).toEqual(['a@0=1(1)<0'])
  })

  test('go on where they were when stream time is restored', () => {
    const { put, dropped } = drive(tumbling({ sizeMs: 10 }), {}, { streamTime: { ms: 25 } })
    expect(put('a', 3)).toEqual([])
    expect(dropped).toEqual(['late'])
  })

  test('tell with a late record which window it missed, and how far stream time was', () => {
    const details: unknown[] = []
    const drop: OperatorContext['drop'] = (_chunk, _i, _reason, detail) => details.push(detail)
    const { put } = drive(tumbling({ sizeMs: 10 }), {}, { drop })
    put('a', 25)
    put('a', 3)
    expect(details).toEqual([{ window: { startMs: 0, endMs: 10 }, streamTimeMs: 25 }])
  })
})

describe('emission on window close', () => {
  const onClose = { emit: 'onWindowClose', retentionMs: 1_000 } as const

  test('emits each window once, when stream time reaches its end plus grace, with its last time', () => {
    const { put } = drive(tumbling({ sizeMs: 10, graceMs: 5 }), onClose)
    expect(put('a', 1)).toEqual([])
    expect(put('a', 14)).toEqual([])
    expect(put('a', 9)).toEqual([])
    expect(put('b', 15)).toEqual(['a@0=2(9)'])
    expect(put('b', 16)).toEqual([])
  })

  test('emits in order of start, then of the serialized key', () => {
    const { put } = drive(tumbling({ sizeMs: 10 }), onClose)
    for (const key of ['b', 'aa', 'B', 'a']) put(key, 1)
    put('z', 5)
    expect(put('a', 25)).toEqual(['B@0=1(1)', 'a@0=1(1)', 'aa@0=1(1)', 'b@0=1(1)', 'z@0=1(5)'])
  })

  test('looks only once in the emit interval of wall-clock time, and each look starts it anew', () => {
    let nowMs = 0
    const { put } = drive(tumbling({ sizeMs: 10 }), onClose, { emitIntervalMs: 1_000, now: () => nowMs })
    put('a', 1)
    nowMs = 999
    expect(put('a', 11)).toEqual([])
    nowMs = 1_000
    expect(put('a', 12)).toEqual(['a@0=1(1)'])
    nowMs = 1_999
    expect(put('a', 25)).toEqual([])
  })

  test('emits what its store is about to forget, so that a jump of stream time loses nothing', () => {
    const { put } = drive(tumbling({ sizeMs: 10 }), { emit: 'onWindowClose', retentionMs: 11 })
    put('a', 5)
    expect(put('a', 12)).toEqual(['a@0=1(5)'])
    expect(put('a', 500)).toEqual(['a@10=1(12)'])
  })

  test('does so even if the emit interval has not passed', () => {
    const windows = tumbling({ sizeMs: 10 })
    const { put } = drive(windows, { emit: 'onWindowClose', retentionMs: 30 }, { emitIntervalMs: 1_000 })
    put('a', 5)
    expect(put('a', 25)).toEqual([])
    expect(put('a', 45)).toEqual(['a@0=1(5)', 'a@20=1(25)'])
  })

  test('emits nothing again after a restart that kept the time of the last emission', () => {
    const windows = tumbling({ sizeMs: 10 })
    const operator = count(windows, onClose)
    const context = standalone()
    const first = driveOperator(() => operator(context))
    first.next(chunk(['a', 'x', 1]))
    expect(written(first.next(chunk(['a', 'x', 12])))).toEqual(['a@0=1(1)'])
    const second = driveOperator(() => operator(context))
    expect(written(second.next(chunk(['a', 'x', 13])))).toEqual([])
    expect(written(second.next(chunk(['a', 'x', 20])))).toEqual(['a@10=2(13)'])
  })
})
