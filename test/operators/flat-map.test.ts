import { flatMap } from '../../src/operators/flat-map.ts'
import { chunk, describeOperator } from '../support/operator-family.ts'

describeOperator('flatMap', {
  operator: (context) =>
    flatMap(
      (value: number, key: string) => Array.from({ length: value - 1 }, (_, n) => [n, key] as const),
      context,
    ),
  inputs: [chunk(['a', 1, 10], ['b', 2, 20]), chunk(['c', 3, 5])],
  outputs: [
    [{ key: 0, value: 'b', timestampMs: 20, offset: 1 }],
    [
      { key: 0, value: 'c', timestampMs: 5, offset: 0 },
      { key: 1, value: 'c', timestampMs: 5, offset: 0 },
    ],
  ],
  throwing: (fail, context) => flatMap(fail, context),
})
