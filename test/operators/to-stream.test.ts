import { expect, test } from 'vitest'
import { toStream } from '../../src/operators/to-stream.ts'
import { chunk, describeOperator, driveOperator } from '../support/operator-family.ts'

const updates = { ...chunk<string, string | null>(['a', 'x', 1], ['b', null, 2]), oldValues: [null, 'y'] }

describeOperator('toStream', {
  operator: () => toStream<string, string>(),
  inputs: [updates, updates],
  outputs: [
    [
      { key: 'a', value: 'x', timestampMs: 1, offset: 0 },
      { key: 'b', value: null, timestampMs: 2, offset: 1 },
    ],
    [
      { key: 'a', value: 'x', timestampMs: 1, offset: 0 },
      { key: 'b', value: null, timestampMs: 2, offset: 1 },
    ],
  ],
})

test('the records of a table do not carry old values', () => {
  const { next } = driveOperator(() => toStream<string, string>())
  expect(next(updates)[0]).not.toHaveProperty('oldValues')
})
