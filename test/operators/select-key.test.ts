import { selectKey } from '../../src/operators/select-key.ts'
import { chunk, describeOperator } from '../support/operator-family.ts'

describeOperator('selectKey', {
  operator: (context) => selectKey((value: number, key: string) => `${key}${value}`, context),
  inputs: [chunk(['a', 1, 10], ['b', 2, 20]), chunk(['c', 3, 5])],
  outputs: [
    [
      { key: 'a1', value: 1, timestampMs: 10, offset: 0 },
      { key: 'b2', value: 2, timestampMs: 20, offset: 1 },
    ],
    [{ key: 'c3', value: 3, timestampMs: 5, offset: 0 }],
  ],
  throwing: (fail, context) => selectKey(fail, context),
})
