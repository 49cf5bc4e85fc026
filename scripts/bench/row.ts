import type { JobResult, Run } from './job.ts'

/** Of several runs: the one in the middle, and how far they lie apart. */
export interface Spread {
  readonly median: number
  readonly lowest: number
  readonly highest: number
}

/** What a program's runs of a job have come to. */
export interface Row {
  readonly job: string
  readonly program: string
  readonly recordsPerS: Spread
  /** The median, as of the next ones. */
  readonly heapBytesPerRecord: number | undefined
  readonly cpuUsPerRecord: number | undefined
  /** The largest. */
  readonly memoryMbMax: number | undefined
  /** How many times as fast ours was, each time against the run of the same turn; absent: it is ours. */
  readonly ratio: Spread | undefined
}

export function rowsOf({ job, programs }: JobResult): Row[] {
  const own = programs[0]?.runs ?? []
  return programs.map(({ name, runs }, i) => ({
    job,
    program: name,
    recordsPerS: spreadOf(runs.map(({ recordsPerS }) => recordsPerS)),
    heapBytesPerRecord: medianOf(runs, ({ heapBytesPerRecord }) => heapBytesPerRecord),
    cpuUsPerRecord: medianOf(runs, ({ cpuUsPerRecord }) => cpuUsPerRecord),
    memoryMbMax: runs.some(({ memoryMbMax }) => memoryMbMax === undefined)
      ? undefined
      : Math.max(...runs.map(({ memoryMbMax }) => memoryMbMax ?? 0)),
    ratio:
      i === 0
        ? undefined
        : spreadOf(runs.map((run, turn) => (own[turn]?.recordsPerS ?? Number.NaN) / run.recordsPerS)),
  }))
}

/** Of an even number of values, the median is the upper one of the two in the middle. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const [lowest, median, highest] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)]
  if (lowest === undefined || median === undefined || highest === undefined)
    throw new RangeError('of no runs there is no median')
  return { median, lowest, highest }
}

/** Undefined where one of the runs has not measured it. */
function medianOf(runs: readonly Run[], of: (run: Run) => number | undefined): number | undefined {
  const values = runs.map(of).filter((value) => value !== undefined)
  return values.length < runs.length ? undefined : spreadOf(values).median
}
