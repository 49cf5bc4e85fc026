import type { Run } from '../job.ts'
import { measured } from '../own-process.ts'
import type { QueryName } from './queries/queries.ts'

/** A query that is run once, from topics that are full to one that is empty. */
export interface NexmarkRun {
  readonly query: QueryName
  readonly brokers: readonly string[]
  /** What the names of the input topics begin with. */
  readonly prefix: string
  /** What it calls itself there, and where it writes. */
  readonly application: string
  readonly output: string
  /** Empty, or not there. */
  readonly workDir: string
  /** How many there are in the topics that the query reads. */
  readonly records: number
}

/** By whom, of those who are written in TypeScript. */
export interface NexmarkProgram extends NexmarkRun {
  readonly program: 'rivulet' | 'eachBatch'
}

export function runNexmark(options: NexmarkProgram): Promise<Run> {
  return measured(options.records, async () =>
    // Loaded one without the other: Rivulet mends kafkajs's timers for the whole process.
    options.program === 'rivulet'
      ? await (await import('./rivulet.ts')).runRivulet(options)
      : await (await import('./hand-written.ts')).runHandWritten(options),
  )
}
