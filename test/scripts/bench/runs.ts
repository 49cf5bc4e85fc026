import type { JobResult } from '../../../scripts/bench/job.ts'

/** A job in which ours and another have taken so many records a second, turn by turn. */
export function resultOf(
  job: string,
  own: readonly number[],
  others: Readonly<Record<string, readonly number[]>>,
): JobResult {
  const programs = Object.entries({ rivulet: own, ...others }).map(([name, speeds]) => ({
    name,
    runs: speeds.map((recordsPerS) => ({ recordsPerS })),
  }))
  return { job, programs, skipped: [] }
}
