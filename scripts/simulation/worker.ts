import { RivuletError } from 'rivulet'
import { failureText } from '../../src/testing/simulation/simulate.ts'
import { heldPlan, marketName, scenarioOf } from './scenario.ts'

/** Which seeds a worker is to run next. */
export interface SeedsWanted {
  readonly seeds: readonly number[]
  /** Holds this deployment; absent: each seed draws one. */
  readonly deployment?: string
}

/** What has come of one of them. */
export interface SeedResult {
  readonly seed: number
  readonly deployment: string
  readonly virtualMs: number
  /** Of all that went over the network; empty: it has failed. */
  readonly traceHash: string
  /** Of this process, on its way through the seed. */
  readonly processorMs: number
  /** Absent: it has passed. */
  readonly failure?: string
}

/** Loaded when it is wanted: a program that is bundled into the file that was started takes itself for the one to run. */
async function heldMarket(seed: number) {
  const market = await import('./market/held-market.ts')
  return market.heldMarket(seed)
}

async function resultOf(seed: number, name: string | undefined): Promise<SeedResult> {
  const { deployment, plan } = scenarioOf(seed, name)
  const before = process.cpuUsage()
  const isMarket = name === marketName
  const run = isMarket ? heldMarket(seed) : heldPlan(deployment, plan)
  const outcome = await run.catch((error: unknown) => {
    if (error instanceof RivuletError && error.code === 'SIMULATION_FAILED') return error
    throw error
  })
  const { user, system } = process.cpuUsage(before)
  const of = {
    seed,
    deployment: isMarket ? marketName : deployment.name,
    processorMs: (user + system) / 1_000,
  }
  if (outcome instanceof RivuletError)
    return { ...of, virtualMs: 0, traceHash: '', failure: failureText(outcome) }
  const { virtualMs, traceHash } = outcome
  return { ...of, virtualMs, traceHash }
}

process.on('message', async ({ seeds, deployment }: SeedsWanted) => {
  for (const seed of seeds) process.send?.(await resultOf(seed, deployment))
})
