import { silentLogger } from '../../src/logger.ts'
import { runPlan } from '../../src/testing/simulation/simulation.ts'
import { environmentOf, scenarioOf } from '../simulation/scenario.ts'

/** What has become of a seed. */
export interface SeedOutcome {
  readonly seed: number
  readonly deployment: string
  /** What did not hold; absent: all did. */
  readonly invariant?: string
}

export interface SeedWanted {
  readonly seed: number
  /** See `Mutant.deployment`. */
  readonly deployment: string | undefined
}

/** Nothing is left out of a plan that fails: it is enough to know that it does. */
process.on('message', async ({ seed, deployment: name }: SeedWanted) => {
  const { deployment, plan } = scenarioOf(seed, name)
  const environment = environmentOf(deployment, plan)
  const { broken } = await runPlan({ ...deployment, environment, logger: silentLogger }, plan)
  const [first] = broken
  process.send?.({ seed, deployment: deployment.name, ...(first && { invariant: first.invariant }) })
})
