import { map } from '../../src/operators/map.ts'
import { chunk, describeOperator } from '../support/operator-family.ts'

describeOperator('map', {
  operator: (context) => map((value: number, key: string) => [value, key] as const, context),
  inputs: [chunk(['a', 1, 10], ['b', 2, 20]), chunk(['c', 3, 5])],
  outputs: [
    [
      { key: 1, value: 'a', timestampMs: 10, offset: 0 },
      { key: 2, value: 'b', timestampMs: 20, offset: 1 },
    ],
    [{ key: 3, value: 'c', timestampMs: 5, offset: 0 }],
  ],
  throwing: (fail, context) => map(fail, context),
})
