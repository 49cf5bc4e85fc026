import { startBroker } from '../../../src/broker/index.ts'
import type { Run } from '../job.ts'
import { measured } from '../own-process.ts'

/** Who takes the ticks of the topic through windows into ClickHouse. */
export const wholePathPrograms = ['rivulet', 'eachBatch', 'eachMessage'] as const

export interface WholePathProgram {
  readonly program: (typeof wholePathPrograms)[number]
  /** A broker's data with the ticks in it; and an empty folder. */
  readonly brokerDir: string
  readonly workDir: string
  readonly records: number
}

/** Runs it in this process, with embedded broker and ClickHouse, from the first record to the last row. */
export function runWholePath({ program, brokerDir, workDir, records }: WholePathProgram): Promise<Run> {
  return measured(records, async () => {
    const broker = await startBroker({ dataDir: brokerDir })
    // Loaded one without the other: Rivulet mends kafkajs's timers for the whole process.
    const elapsedMs =
      program === 'rivulet'
        ? await (await import('./rivulet.ts')).runRivulet(broker.brokers, workDir, records)
        : await (await import('./hand-written.ts')).runHandWritten({
            brokers: broker.brokers,
            dataDir: `${workDir}/clickhouse`,
            records,
            style: program,
          })
    await broker.close()
    return elapsedMs
  })
}
