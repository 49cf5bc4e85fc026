/** What one run of a program has measured. */
export interface Run {
  readonly recordsPerS: number
  /** On the heap of its main thread; absent: it is no JavaScript. */
  readonly heapBytesPerRecord?: number
  /** Processor time of its process, all threads: steadier than the clock on a busy machine. Absent: it shares its process. */
  readonly cpuUsPerRecord?: number
  /** Largest resident memory of its process. Absent: it shares its process. */
  readonly memoryMbMax?: number
}

/** One of those who do a job. */
export interface Program {
  readonly name: string
  /** Throws where it does not make what the others make. */
  run(turn: number): Run | Promise<Run>
}

/** A job, and what it took each of those who did it. */
export interface JobResult {
  readonly job: string
  /** Each as many runs as the others, taken by turns; ours comes first. */
  readonly programs: readonly { readonly name: string; readonly runs: readonly Run[] }[]
  /** Who could not be run here, and why. */
  readonly skipped: readonly { readonly program: string; readonly why: string }[]
}

export interface BenchOptions {
  /** How many there are to be processed; jobs in this process have a number of their own. */
  readonly records: number
  /** Of each program. */
  readonly runs: number
  /** Called after each run, with what it was and took. */
  readonly progress: (line: string) => void
}

/** Runs all programs once, then all of them again, and so on: what changes about the machine meets all of them. */
export async function byTurns(
  job: string,
  programs: readonly Program[],
  { runs, progress }: BenchOptions,
): Promise<JobResult> {
  const measured = programs.map(({ name }) => ({ name, runs: [] as Run[] }))
  for (let turn = 0; turn < runs; turn++) {
    for (const [i, program] of programs.entries()) {
      const run = await program.run(turn)
      measured[i]?.runs.push(run)
      progress(`${job}, ${turn + 1} of ${runs}, ${program.name}: ${Math.round(run.recordsPerS)} records/s`)
    }
  }
  return { job, programs: measured, skipped: [] }
}
