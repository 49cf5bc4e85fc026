import { describe, expect, test } from 'vitest'
import { readKept } from '../../../scripts/bench/kept-table.ts'
import { rowsOf, spreadOf } from '../../../scripts/bench/row.ts'
import { keptRowOf, mergedRows, readTable, tableText } from '../../../scripts/bench/table.ts'
import { resultOf } from './runs.ts'

describe('the rows of a job', () => {
  test('have the median, and how far the runs lie apart', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, lowest: 1, highest: 3 })
    expect(() => spreadOf([])).toThrow('of no runs')
  })

  test('compare each run with the one of the same turn', () => {
    const [own, other] = rowsOf(resultOf('job', [100, 10, 60], { other: [50, 10, 20] }))
    expect(own?.ratio).toBeUndefined()
    expect(other?.ratio).toEqual({ median: 2, lowest: 1, highest: 3 })
  })

  test('say of memory the largest, and nothing where a run has not measured it', () => {
    const runs = [
      { recordsPerS: 1, memoryMbMax: 100, heapBytesPerRecord: 5 },
      { recordsPerS: 1, memoryMbMax: 300 },
    ]
    const [row] = rowsOf({ job: 'job', programs: [{ name: 'rivulet', runs }], skipped: [] })
    expect(row?.memoryMbMax).toBe(300)
    expect(row?.heapBytesPerRecord).toBeUndefined()
  })
})

describe('the table of the benchmark', () => {
  const rowsOfJob = (job: string, speed: number) =>
    rowsOf(resultOf(job, [speed], { eachBatch: [speed / 2] })).map(keptRowOf)

  test('is printed with columns that are as wide as they need to be', () => {
    const programs = [
      {
        name: 'rivulet',
        runs: [
          { recordsPerS: 198_512, heapBytesPerRecord: 1_234.4, cpuUsPerRecord: 2.345, memoryMbMax: 99.6 },
        ],
      },
      { name: 'by hand', runs: [{ recordsPerS: 100_000 }] },
    ]
    const text = tableText(rowsOf({ job: 'job', programs, skipped: [] }).map(keptRowOf))
    const [head, rule, own, other] = text.split('\n')
    expect(new Set([head, rule, own, other].map((line) => line?.length)).size).toBe(1)
    const cellsOf = (line = '') => line.split('|').map((cell) => cell.trim())
    expect(cellsOf(own)).toEqual([
      '',
      'job',
      'rivulet',
      '199,000 (199,000–199,000)',
      '1,234',
      '2.35',
      '100',
      '',
      '',
    ])
    expect(cellsOf(other)).toEqual([
      '',
      'job',
      'by hand',
      '100,000 (100,000–100,000)',
      '',
      '',
      '',
      '1.99 (1.99–1.99)',
      '',
    ])
  })

  test('is read as it was written', () => {
    const rows = [...rowsOfJob('a', 100), ...rowsOfJob('b', 5)]
    expect(readTable(`# Title\n\nText.\n\n${tableText(rows)}`)).toEqual(rows)
  })

  test('keeps the rows of jobs that were not measured anew', () => {
    const kept = [...rowsOfJob('a', 100), ...rowsOfJob('b', 5)]
    const [anew, more] = [rowsOfJob('a', 70), rowsOfJob('c', 1)]
    expect(mergedRows(kept, [...more, ...anew])).toEqual([...anew, ...rowsOfJob('b', 5), ...more])
  })

  test('that is kept has a ratio in each row that is not ours', () => {
    const kept = readKept()
    expect(kept.length).toBeGreaterThan(0)
    for (const { program, ratio } of kept) expect(ratio === undefined).toBe(program === 'rivulet')
  })
})
