import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startBroker } from '../../../src/broker/index.ts'
import { type BenchOptions, byTurns, type JobResult } from '../job.ts'
import { inOwnProcess } from '../own-process.ts'
import { produceTicks } from '../ticks.ts'
import { wholePathPrograms } from './program.ts'

/** From a topic that is full through windows into ClickHouse: ours, and what one would write without it. */
export async function benchWholePath(options: BenchOptions): Promise<JobResult[]> {
  const { records } = options
  const folder = mkdtempSync(join(tmpdir(), 'rivulet-bench-'))
  try {
    const filled = join(folder, 'filled')
    const broker = await startBroker({ dataDir: filled })
    await produceTicks(broker.brokers, records)
    await broker.close()
    const programs = wholePathPrograms.map((program) => ({
      name: program,
      async run(turn: number) {
        const workDir = join(folder, `${program}-${turn}`)
        const brokerDir = join(workDir, 'broker')
        cpSync(filled, brokerDir, { recursive: true })
        const run = await inOwnProcess({ job: 'whole path', program, brokerDir, workDir, records })
        rmSync(workDir, { recursive: true, force: true })
        return run
      },
    }))
    return [await byTurns('whole path', programs, options)]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
