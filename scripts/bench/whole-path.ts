import { NEVER } from 'rxjs'
import { market } from '../../pipelines/market.ts'
import { ticksTable } from '../../pipelines/tables.ts'
import { startBroker } from '../../src/broker/index.ts'
import { connectClickHouse } from '../../src/clickhouse/connection.ts'
import { systemClock } from '../../src/clock.ts'
import { connectKafka } from '../../src/kafka/kafka.ts'
import { silentLogger } from '../../src/logger.ts'
import { run } from '../../src/runtime/run.ts'
import { runHandWritten } from './hand-written.ts'

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
  const broker = await startBroker({ dataDir: brokerDir })
  const elapsedMs =
    contender === 'rivulet'
      ? await runRivulet(broker.brokers, workDir, records)
      : await runHandWritten({
          brokers: broker.brokers,
          dataDir: `${workDir}/clickhouse`,
          records,
          style: contender,
        })
  await broker.close()
  return { elapsedMs, memoryMbMax: process.resourceUsage().maxRSS / 1024 }
}

async function runRivulet(brokers: readonly string[], workDir: string, records: number): Promise<number> {
  const [clock, logger] = [systemClock, silentLogger]
  const clickhouse = await connectClickHouse({ path: `${workDir}/clickhouse`, clock, logger })
  const kafka = connectKafka({ brokers, clientId: 'bench', clock, logger })
  const startedMs = performance.now()
  const running = run(market('bench', 'bench', NEVER), {
    kafka,
    connections: { clickhouse },
    clock,
    logger,
    stateDir: `${workDir}/state`,
  })
  await running.started
  for (let rows = 0; rows < records; ) {
    await clock.sleep(10)
    const [answer] = await clickhouse.query<{ rows: number }>(
      `SELECT count() AS rows FROM ${ticksTable.name}`,
    )
    rows = answer?.rows ?? 0
  }
  const elapsedMs = performance.now() - startedMs
  await running.stop()
  await kafka.close()
  await clickhouse.close()
  return elapsedMs
}
