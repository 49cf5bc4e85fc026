import { NEVER } from 'rxjs'
import { market } from '../../../pipelines/crypto.ts'
import { ticksTable } from '../../../pipelines/market/tables.ts'
import { stockTicks } from '../../../pipelines/market/tick.ts'
import { connectClickHouse } from '../../../src/clickhouse/connection.ts'
import { systemClock } from '../../../src/clock.ts'
import { connectKafka } from '../../../src/kafka/kafka.ts'
import { silentLogger } from '../../../src/logger.ts'
import { run } from '../../../src/runtime/run.ts'

/** The pipeline of a market on a topic that is full already. Resolves when all ticks are in the table, with the time, ms. */
export async function runRivulet(
  brokers: readonly string[],
  workDir: string,
  records: number,
): Promise<number> {
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
  // What is committed is in the table: asking the table again and again would be measured too.
  const written = () =>
    running.status().partitions.find(({ topic }) => topic === stockTicks.name)?.committed ?? 0
  while (written() < records) await clock.sleep(10)
  const elapsedMs = performance.now() - startedMs
  const [answer] = await clickhouse.query<{ rows: number }>(`SELECT count() AS rows FROM ${ticksTable.name}`)
  if (answer?.rows !== records) throw new Error(`${answer?.rows} rows of ${records} are in the table`)
  await running.stop()
  await kafka.close()
  await clickhouse.close()
  return elapsedMs
}
