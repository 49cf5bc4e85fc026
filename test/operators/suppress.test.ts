import { of } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { type OperatorContext, standalone } from '../../src/operators/operator.ts'
import { type BufferBounds, suppress } from '../../src/operators/suppress.ts'
import type { Headers, TableChunk } from '../../src/records/chunk.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { suppressBuffer } from '../../src/state/suppress-buffer.ts'
import { chunk, describeOperator, driveOperator, type Written } from '../support/operator-family.ts'

interface Options {
  readonly waitMs?: number
  readonly tombstones?: boolean
  readonly bounds?: BufferBounds
}

function hold({ waitMs = 10, tombstones = true, bounds }: Options = {}) {
  const measured = bounds?.bytesMax !== undefined
  const store = suppressBuffer<string, string>({
    name: 'held',
    key: serdes.string,
    value: serdes.string,
    measured,
  })
  const timeOf = (_: string, timestampMs: number) => timestampMs
  return (context?: OperatorContext) => suppress({ timeOf, waitMs, tombstones, bounds, store }, context)
}

function updates(...records: readonly Written<string, string | null>[]): TableChunk<string, string> {
  return { ...chunk(...records), oldValues: records.map(() => null) }
}

function drive(options?: Options) {
  const { next } = driveOperator(hold(options))
  return (key: string, value: string | null, timestampMs: number) =>
    next(updates([key, value, timestampMs])).flatMap(({ keys, values, timestampsMs }) =>
      keys.map((k, i) => `${k}=${values[i]}(${timestampsMs[i]})`),
    )
}

describeOperator('suppress', {
  operator: (context) => hold()(context),
  inputs: [updates(['a', 'x', 1], ['a', 'y', 3]), updates(['b', 'z', 11])],
  outputs: [undefined, [{ key: 'a', value: 'y', timestampMs: 3, offset: 0 }]],
})

describe('suppress', () => {
  test("holds a key from its first update on, and sends the latest when that one's time has come", () => {
    const put = drive()
    expect(put('a', 'x', 1)).toEqual([])
    expect(put('a', 'y', 9)).toEqual([])
    expect(put('b', 'z', 11)).toEqual(['a=y(9)'])
  })

  test('sends in order of the time waited for, then of the serialized key', () => {
    const put = drive()
    for (const [key, timestampMs] of [
      ['b', 2],
      ['aa', 1],
      ['a', 2],
      ['B', 1],
    ] as const)
      put(key, 'x', timestampMs)
    expect(put('z', 'x', 50)).toEqual(['B=x(1)', 'aa=x(1)', 'a=x(2)', 'b=x(2)'])
  })

  test('sends at once, and alone, what is due when it comes', () => {
    const put = drive()
    put('a', 'x', 50)
    expect(put('b', 'y', 40)).toEqual(['b=y(40)'])
  })

  test('passes a tombstone on after its wait, but no final result is one', () => {
    expect([drive()('a', null, 1), drive({ waitMs: 0 })('a', null, 1)]).toEqual([[], ['a=null(1)']])
    expect(drive({ waitMs: 0, tombstones: false })('a', null, 1)).toEqual([])
  })

  test('that is full sends the smallest time early, even the one that just came', () => {
    const put = drive({ waitMs: 100, bounds: { recordsMax: 2, whenFull: 'emitEarly' } })
    put('a', 'x', 10)
    put('b', 'x', 11)
    expect(put('c', 'x', 12)).toEqual(['a=x(10)'])
    expect(put('d', 'x', 5)).toEqual(['d=x(5)'])
    expect(put('c', 'y', 13)).toEqual([])
  })

  test('lets go what is due before it judges whether it is full', () => {
    const put = drive({ waitMs: 5, bounds: { recordsMax: 1, whenFull: 'shutDown' } })
    put('a', 'x', 10)
    expect(put('b', 'x', 15)).toEqual(['a=x(10)'])
  })

  test('that is full by bytes sends early', () => {
    const put = drive({ waitMs: 100, bounds: { bytesMax: 8, whenFull: 'emitEarly' } })
    expect(put('a', 'xxxx', 10)).toEqual([])
    expect(put('b', 'xxxx', 11)).toEqual(['a=xxxx(10)'])
    expect(put('b', 'x', 12)).toEqual([])
    expect(put('c', 'xx', 13)).toEqual([])
  })

  test('that is full and must not send early fails with BUFFER_FULL and its place', () => {
    const context = standalone({ step: 'held' })
    const operator = hold({ bounds: { recordsMax: 1, whenFull: 'shutDown' } })(context)
    let failure: unknown
    of(updates(['a', 'x', 1], ['b', 'x', 2]))
      .pipe(operator)
      .subscribe({ error: (error) => (failure = error) })
    expect(failure).toMatchObject({
      code: 'BUFFER_FULL',
      place: { step: 'held', topic: 'test', partition: 0, offset: 1 },
    })
  })

  test('keeps the headers of the update that it sends', () => {
    const { next } = driveOperator(hold())
    const headers: Headers = [['trace', Buffer.from('1')]]
    next({ ...updates(['a', 'x', 1]), headers: [headers] })
    expect(next(updates(['b', 'x', 20]))[0]?.headers).toEqual([headers])
  })
})
