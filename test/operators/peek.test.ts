import { peek } from '../../src/operators/peek.ts'
import { chunk, describeOperator } from '../support/operator-family.ts'

describeOperator('peek', {
  operator: (context) => peek(() => {}, context),
  inputs: [chunk(['a', 1, 10], ['b', 2, 20]), chunk(['c', 3, 5])],
  outputs: [
    [
      { key: 'a', value: 1, timestampMs: 10, offset: 0 },
      { key: 'b', value: 2, timestampMs: 20, offset: 1 },
    ],
    [{ key: 'c', value: 3, timestampMs: 5, offset: 0 }],
  ],
  throwing: (fail, context) => peek(fail, context),
})
