import { flatMapValues } from '../../src/operators/flat-map-values.ts'
import { chunk, describeOperator } from '../support/operator-family.ts'

describeOperator('flatMapValues', {
  operator: (context) =>
    flatMapValues((value: number) => Array.from({ length: value - 1 }, (_, n) => n), context),
  inputs: [chunk(['a', 1, 10], ['b', 2, 20]), chunk(['c', 3, 5])],
  outputs: [
    [{ key: 'b', value: 0, timestampMs: 20, offset: 1 }],
    [
      { key: 'c', value: 0, timestampMs: 5, offset: 0 },
      { key: 'c', value: 1, timestampMs: 5, offset: 0 },
    ],
  ],
  throwing: (fail, context) => flatMapValues(fail, context),
})
