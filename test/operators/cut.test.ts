import { of, toArray } from 'rxjs'
import { expect, test } from 'vitest'
import { cut, slice } from '../../src/operators/cut.ts'
import type { Headers } from '../../src/records/chunk.ts'
import { chunk, describeOperator } from '../support/operator-family.ts'

describeOperator('cut', {
  operator: () => cut(),
  inputs: [chunk(['a', 'x', 1]), chunk(['b', 'y', 2])],
  outputs: [
    [{ key: 'a', value: 'x', timestampMs: 1, offset: 0 }],
    [{ key: 'b', value: 'y', timestampMs: 2, offset: 0 }],
  ],
})

const updates = {
  ...chunk(['a', 1, 5], ['b', 2, 6]),
  oldValues: [null, 1],
  latest: [true, false],
  headers: [undefined, [['trace', Buffer.from('t')]]] satisfies (Headers | undefined)[],
}

test('cuts every column of a chunk, those of tables and headers too', () => {
  let cuts: unknown
  of(updates)
    .pipe(cut(), toArray())
    .subscribe((chunks) => {
      cuts = chunks
    })
  expect(cuts).toEqual([slice(updates, 0, 1), slice(updates, 1, 2)])
  expect(slice(updates, 1, 2)).toEqual({
    ...chunk(['b', 2, 6]),
    offsets: [1],
    oldValues: [1],
    latest: [false],
    headers: [[['trace', Buffer.from('t')]]],
  })
})
