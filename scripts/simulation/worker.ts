import { RivuletError } from 'rivulet'
import { simulateScenario } from './scenario.ts'

/** Which seeds a worker is to run next. */
export interface SeedsWanted {
  readonly seeds: readonly number[]
  /** Holds this deployment; absent: each seed draws one. */
  readonly deployment?: string
}

/** What has come of one of them. */
export interface SeedResult {
  readonly seed: number
  readonly virtualMs: number
  /** Of this process, on its way through the seed. */
  readonly processorMs: number
  /** Absent: it has passed. */
  readonly failure?: string
}

async function resultOf(seed: number, deployment: string | undefined): Promise<SeedResult> {
  const before = process.cpuUsage()
  const outcome = await simulateScenario(seed, deployment).catch((error: unknown) => {
    if (error instanceof RivuletError && error.code === 'SIMULATION_FAILED') return error
    throw error
  })
  const { user, system } = process.cpuUsage(before)
  const processorMs = (user + system) / 1_000
  return outcome instanceof RivuletError
    ? { seed, virtualMs: 0, processorMs, failure: outcome.message }
    : { seed, virtualMs: outcome.virtualMs, processorMs }
}

process.on('message', async ({ seeds, deployment }: SeedsWanted) => {
  for (const seed of seeds) process.send?.(await resultOf(seed, deployment))
})
