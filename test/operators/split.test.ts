import { describe, expect, test } from 'vitest'
import { split } from '../../src/operators/split.ts'
import { type Chunk, recordsOf } from '../../src/records/chunk.ts'
import { chunk, describeOperator, driveOperator } from '../support/operator-family.ts'

describeOperator('split', {
  operator: (context) => split([{ port: 'all', predicate: () => true }], context),
  inputs: [chunk(['a', 1, 10]), chunk(['b', 2, 20])],
  // Its records leave by the branches' ports.
  outputs: [undefined, undefined],
  throwing: (fail, context) => split([{ port: 'all', predicate: fail }], context),
})

describe('split', () => {
  test('sends a record to the first branch whose predicate holds, and one that fits none nowhere', () => {
    const sent: [string, unknown[]][] = []
    const emitTo = (port: string, { values }: Chunk<unknown, unknown>) => sent.push([port, [...values]])
    const branches = [
      { port: 'even', predicate: (value: number) => value % 2 === 0 },
      { port: 'large', predicate: (value: number) => value > 3 },
    ]
    const { next, dropped } = driveOperator((context) => split(branches, context), { emitTo })
    next(chunk(['a', 4, 1], ['b', 5, 2], ['c', 3, 3], ['d', 6, 4]))
    expect(sent).toEqual([
      ['even', [4, 6]],
      ['large', [5]],
    ])
    expect(dropped).toEqual([])
  })

  test('keeps key, time and place of each record', () => {
    const sent: unknown[] = []
    const emitTo = (_: string, records: Chunk<unknown, unknown>) => sent.push(...recordsOf(records))
    const branches = [{ port: 'large', predicate: (value: number) => value > 3 }]
    driveOperator((context) => split(branches, context), { emitTo }).next(chunk(['a', 1, 9], ['b', 5, 2]))
    expect(sent).toEqual([{ key: 'b', value: 5, timestampMs: 2, offset: 1 }])
  })
})
