import type { Run } from '../job.ts'
import { measured } from '../own-process.ts'
import type { QueryName } from './queries/queries.ts'

/** A query that is run in this process, from topics that are full to one that is empty. */
export interface NexmarkProgram {
  readonly program: 'rivulet' | 'eachBatch'
  readonly query: QueryName
  readonly brokers: readonly string[]
  /** What the names of the input topics begin with. */
  readonly prefix: string
  /** What it calls itself there, and where it writes. */
  readonly application: string
  readonly output: string
  /** Empty. */
  readonly workDir: string
  /** How many there are in the topics that the query reads. */
  readonly records: number
}

export function runNexmark(options: NexmarkProgram): Promise<Run> {
  return measured(options.records, async () =>
    // Loaded one without the other: Rivulet mends kafkajs's timers for the whole process.
    options.program === 'rivulet'
      ? await (await import('./rivulet.ts')).runRivulet(options)
      : await (await import('./hand-written.ts')).runHandWritten(options),
  )
}
