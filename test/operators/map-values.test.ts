import { mapValues } from '../../src/operators/map-values.ts'
import { chunk, describeOperator } from '../support/operator-family.ts'

describeOperator('mapValues', {
  operator: (context) => mapValues((value: number, key: string) => `${key}${value}`, context),
  inputs: [chunk(['a', 1, 10], ['b', 2, 20]), chunk(['c', 3, 5])],
  outputs: [
    [
      { key: 'a', value: 'a1', timestampMs: 10, offset: 0 },
      { key: 'b', value: 'b2', timestampMs: 20, offset: 1 },
    ],
    [{ key: 'c', value: 'c3', timestampMs: 5, offset: 0 }],
  ],
  throwing: (fail, context) => mapValues(fail, context),
})
