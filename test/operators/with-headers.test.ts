import { withHeaders } from '../../src/operators/with-headers.ts'
import { type Headers, lastHeader } from '../../src/records/chunk.ts'
import { chunk, describeOperator } from '../support/operator-family.ts'

const headers: Headers = [['n', Buffer.from('seven')]]

describeOperator('withHeaders', {
  operator: (context) =>
    withHeaders(
      (value: number, read, key: string) => `${key}${value} ${lastHeader(read, 'n') ?? 'none'}`,
      context,
    ),
  inputs: [chunk(['a', 1, 10], ['b', 2, 20]), { ...chunk(['c', 3, 5]), headers: [headers] }],
  outputs: [
    [
      { key: 'a', value: 'a1 none', timestampMs: 10, offset: 0 },
      { key: 'b', value: 'b2 none', timestampMs: 20, offset: 1 },
    ],
    [{ key: 'c', value: 'c3 seven', timestampMs: 5, offset: 0, headers }],
  ],
  throwing: (fail, context) => withHeaders(fail, context),
})
