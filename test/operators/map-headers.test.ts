import { mapHeaders } from '../../src/operators/map-headers.ts'
import type { Headers } from '../../src/records/chunk.ts'
import { chunk, describeOperator } from '../support/operator-family.ts'

const header = (value: string): Headers => [['n', Buffer.from(value)]]

describeOperator('mapHeaders', {
  operator: (context) =>
    mapHeaders((headers, value: number, key: string) => [...headers, ...header(`${key}${value}`)], context),
  inputs: [chunk(['a', 1, 10], ['b', 2, 20]), { ...chunk(['c', 3, 5]), headers: [header('before')] }],
  outputs: [
    [
      { key: 'a', value: 1, timestampMs: 10, offset: 0, headers: header('a1') },
      { key: 'b', value: 2, timestampMs: 20, offset: 1, headers: header('b2') },
    ],
    [{ key: 'c', value: 3, timestampMs: 5, offset: 0, headers: [...header('before'), ...header('c3')] }],
  ],
  throwing: (fail, context) => mapHeaders(fail, context),
})
