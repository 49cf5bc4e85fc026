import { describe, expect, test } from 'vitest'
import { findingsOf } from '../../../scripts/bench/check.ts'
import { rowsOf } from '../../../scripts/bench/row.ts'
import { keptRowOf } from '../../../scripts/bench/table.ts'
import { resultOf } from './runs.ts'

const kept = rowsOf(resultOf('whole path', [200, 200, 200], { eachBatch: [100, 100, 100] })).map(keptRowOf)
/** Twice as fast it was: now less by so many per cent. */
const afterDrop = (percent: number) =>
  resultOf('whole path', Array<number>(3).fill(200 - 2 * percent), { eachBatch: [100, 100, 100] })

describe('the check of the benchmark', () => {
  test('fails where a ratio has dropped by 16 %, and says which', () => {
    const problem = 'Rivulet was 2.00 times as fast and is 1.68 times: 16 % less'
    expect(findingsOf(kept, [afterDrop(16)])).toEqual([
      { row: 'whole path, eachBatch', problem, fails: true },
    ])
  })

  test('passes where it has dropped by 14 %, and where it has grown', () => {
    expect(findingsOf(kept, [afterDrop(14)])).toEqual([])
    expect(findingsOf(kept, [afterDrop(-30)])).toEqual([])
  })

  test('does not mind a slower machine', () => {
    const slower = resultOf('whole path', [20, 20, 20], { eachBatch: [10, 10, 10] })
    expect(findingsOf(kept, [slower])).toEqual([])
  })

  test('goes by the median', () => {
    const onceStopped = resultOf('whole path', [200, 1, 200], { eachBatch: [100, 100, 100] })
    expect(findingsOf(kept, [onceStopped])).toEqual([])
  })

  test('fails where a row of the table was not measured, and says which', () => {
    expect(findingsOf(kept, [resultOf('whole path', [200], {})])).toEqual([
      { row: 'whole path, eachBatch', problem: 'is in the table, but was not measured', fails: true },
    ])
  })

  test('says why a row was skipped, and passes', () => {
    const result = {
      ...resultOf('whole path', [200], {}),
      skipped: [{ program: 'eachBatch', why: 'no Java' }],
    }
    expect(findingsOf(kept, [result])).toEqual([
      { row: 'whole path, eachBatch', problem: 'was skipped: no Java', fails: false },
    ])
  })

  test('says of a row that it is not in the table, and passes', () => {
    const result = resultOf('whole path', [200], { eachBatch: [100], flink: [400] })
    expect(findingsOf(kept, [result])).toEqual([
      { row: 'whole path, flink', problem: 'is not in the table: --write adds it', fails: false },
    ])
  })

  test('leaves jobs alone that were not run', () => {
    expect(findingsOf(kept, [])).toEqual([])
  })
})
