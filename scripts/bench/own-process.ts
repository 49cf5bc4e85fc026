import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { countAllocation } from './allocation.ts'
import type { Run } from './job.ts'
import type { NexmarkProgram } from './nexmark/program.ts'
import type { WholePathProgram } from './whole-path/program.ts'

/** What to run, of which job. */
export type ProgramOptions =
  | ({ readonly job: 'whole path' } & WholePathProgram)
  | ({ readonly job: 'nexmark' } & NexmarkProgram)

/** In a process of its own, so that none has another's heap or warm code. */
export function inOwnProcess(options: ProgramOptions): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('./contender.ts', import.meta.url)), [], {
      env: { ...process.env, RIVULET_BENCH: JSON.stringify(options) },
    })
    child.once('message', (run) => resolve(run as Run))
    child.once('exit', (code) => reject(new Error(`${options.program} ended with exit code ${code}`)))
  })
}

/** What this process takes for the work, which answers how long it has taken by its own clock, ms. */
export async function measured(records: number, work: () => Promise<number>): Promise<Run> {
  const cpuBefore = process.cpuUsage()
  const allocated = countAllocation()
  const elapsedMs = await work()
  const { user, system } = process.cpuUsage(cpuBefore)
  return {
    recordsPerS: (records / elapsedMs) * 1_000,
    heapBytesPerRecord: allocated() / records,
    cpuUsPerRecord: (user + system) / records,
    memoryMbMax: process.resourceUsage().maxRSS / 1_024,
  }
}
