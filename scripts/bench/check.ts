import type { JobResult } from './job.ts'
import { rowsOf } from './row.ts'
import type { KeptRow } from './table.ts'

/** How much of a ratio may be lost before the check fails: runs of one program lie as far apart on a noisy machine. */
const dropMax = 0.15

/** What is to be said of a row, where something is. */
export interface Finding {
  readonly row: string
  readonly problem: string
  /** Whether the check fails by it. */
  readonly fails: boolean
}

/**
 * Holds what was measured against the table that is kept. Speeds are of a machine, so only ratios are compared. Rows of
 * jobs that were not run are left alone.
 */
export function findingsOf(kept: readonly KeptRow[], results: readonly JobResult[]): Finding[] {
  return results.flatMap((result) => {
    const { job, skipped } = result
    const before = kept.filter((row) => row.job === job)
    const now = rowsOf(result)
    const missing = before.filter(({ program }) => !now.some((row) => row.program === program))
    return [
      ...now.flatMap(({ program, ratio }) => {
        const row = `${job}, ${program}`
        const last = before.find((each) => each.program === program)
        if (!last) return [{ row, problem: 'is not in the table: --write adds it', fails: false }]
        return ratio && last.ratio !== undefined ? dropOf(row, last.ratio, ratio.median) : []
      }),
      ...missing.map(({ program }) => {
        const why = skipped.find((each) => each.program === program)?.why
        const problem = why === undefined ? 'is in the table, but was not measured' : `was skipped: ${why}`
        return { row: `${job}, ${program}`, problem, fails: why === undefined }
      }),
    ]
  })
}

function dropOf(row: string, before: number, now: number): Finding[] {
  const drop = 1 - now / before
  if (!(drop > dropMax)) return []
  const problem = `Rivulet was ${before.toFixed(2)} times as fast and is ${now.toFixed(2)} times: ${Math.round(drop * 100)} % less`
  return [{ row, problem, fails: true }]
}
