import { expect, test } from 'vitest'
import { filter } from '../../src/operators/filter.ts'
import { chunk, describeOperator, driveOperator } from '../support/operator-family.ts'

describeOperator('filter', {
  operator: (context) => filter((value: number) => value > 1, context),
  inputs: [chunk(['a', 1, 10], ['b', 2, 20]), chunk(['c', 3, 5])],
  outputs: [
    [{ key: 'b', value: 2, timestampMs: 20, offset: 1 }],
    [{ key: 'c', value: 3, timestampMs: 5, offset: 0 }],
  ],
  throwing: (fail, context) => filter(fail, context),
})

test('passes a chunk on as it is when all of it passes', () => {
  const all = chunk(['a', 1, 10], ['b', 2, 20])
  const { next } = driveOperator(() => filter(() => true))
  expect(next(all)[0]).toBe(all)
})

test('emits no chunk when none of it passes', () => {
  const { next } = driveOperator(() => filter(() => false))
  expect(next(chunk(['a', 1, 10]))).toEqual([])
})
