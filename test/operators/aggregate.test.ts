import { describe, expect, test } from 'vitest'
import { aggregate } from '../../src/operators/aggregate.ts'
import { type Aggregation, counting, reduction } from '../../src/operators/aggregation.ts'
import type { OperatorContext } from '../../src/operators/operator.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { keyValueStore } from '../../src/state/key-value-store.ts'
import { chunk, describeOperator, driveOperator } from '../support/operator-family.ts'

function aggregateBy<V, A>(aggregation: Aggregation<string, V, A>) {
  const store = keyValueStore<string, A>({ name: 'rows', key: serdes.string, value: serdes.json<A>() })
  return (context?: OperatorContext) => aggregate<string, V, A>({ aggregation, store }, context)
}

function drive<V, A>(aggregation: Aggregation<string, V, A>) {
  const { next, dropped } = driveOperator(aggregateBy(aggregation))
  const put = (key: string | null, value: V, timestampMs: number) =>
    next(chunk([key, value, timestampMs])).flatMap(({ keys, values, oldValues, timestampsMs }) =>
      keys.map((k, i) => `${k}=${values[i]}(${timestampsMs[i]})<${oldValues[i]}`),
    )
  return { put, dropped }
}

describeOperator('aggregate', {
  operator: (context) => aggregateBy(counting)(context),
  inputs: [chunk(['a', 'x', 1], ['a', 'y', 3]), chunk(['b', 'z', 2])],
  outputs: [
    [
      { key: 'a', value: 1, timestampMs: 1, offset: 0 },
      { key: 'a', value: 2, timestampMs: 3, offset: 1 },
    ],
    [{ key: 'b', value: 1, timestampMs: 2, offset: 0 }],
  ],
  throwing: (fail, context) => aggregateBy({ initializer: () => 0, aggregator: fail })(context),
})

describe('aggregations without windows', () => {
  test('leave out, and count, a null key and a null value', () => {
    const { put, dropped } = drive<string | null, number>(counting)
    expect([put(null, 'x', 1), put('a', null, 2)]).toEqual([[], []])
    expect(dropped).toEqual(['null-key', 'null-value'])
  })

  test('take late records too, and carry the largest time so far', () => {
    const { put } = drive<string, number>(counting)
    put('a', 'x', 9)
    expect(put('a', 'y', 3)).toEqual(['a=2(9)<1'])
  })

  test('send the initial value as the old value of the first update', () => {
    expect(drive<string, number>(counting).put('a', 'x', 1)).toEqual(['a=1(1)<0'])
  })

  test('that reduce send no old value at first: the first value stands as it is', () => {
    const { put } = drive(reduction<string, string>((a, b) => a + b))
    expect(put('a', 'x', 1)).toEqual(['a=x(1)<null'])
    expect(put('a', 'y', 2)).toEqual(['a=xy(2)<x'])
  })

  test('delete the row by a null result, and begin anew', () => {
    const { put } = drive<string, string>({
      initializer: () => '.',
      aggregator: (a, value) => (value === 'x' ? null : `${a}${value}`),
    })
    put('a', 'p', 1)
    expect(put('a', 'x', 2)).toEqual(['a=null(2)<.p'])
    expect(put('a', 'q', 1)).toEqual(['a=.q(1)<.'])
  })
})
