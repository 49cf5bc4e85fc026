import { startBroker } from '../../src/broker/index.ts'

/** Who takes the ticks of the topic through windows into ClickHouse. */
export const contenders = ['rivulet', 'eachBatch', 'eachMessage'] as const
export type Contender = (typeof contenders)[number]

export interface WholePathOptions {
  readonly contender: Contender
  /** A broker's data with the ticks in it; and an empty folder. */
  readonly brokerDir: string
  readonly workDir: string
  readonly records: number
}

export interface WholePathResult {
  readonly elapsedMs: number
  /** Processor time of the process, all threads, broker and ClickHouse included: steadier than the clock on a busy machine. */
  readonly cpuMs: number
  /** Largest resident memory of the process, broker and ClickHouse included, MB. */
  readonly memoryMbMax: number
}

/** Runs one contender in this process: embedded broker, embedded ClickHouse, from the first record to the last row. */
export async function runWholePath({
  contender,
  brokerDir,
  workDir,
  records,
}: WholePathOptions): Promise<WholePathResult> {
  const before = process.cpuUsage()
  const broker = await startBroker({ dataDir: brokerDir })
  // Loaded one without the other: Rivulet mends kafkajs's timers for the whole process.
  const elapsedMs =
    contender === 'rivulet'
      ? await (await import('./rivulet.ts')).runRivulet(broker.brokers, workDir, records)
      : await (await import('./hand-written.ts')).runHandWritten({
          brokers: broker.brokers,
          dataDir: `${workDir}/clickhouse`,
          records,
          style: contender,
        })
  await broker.close()
  const { user, system } = process.cpuUsage(before)
  return { elapsedMs, cpuMs: (user + system) / 1000, memoryMbMax: process.resourceUsage().maxRSS / 1024 }
}
