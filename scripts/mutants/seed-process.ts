import { silentLogger } from '../../src/logger.ts'
import { runPlan } from '../../src/testing/simulation/simulation.ts'
import { conditionsOf, scenarioOf } from '../simulation/scenario.ts'

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
  const options = { ...deployment, ...conditionsOf(deployment, plan), logger: silentLogger }
  const { broken } = await runPlan(options, plan)
  const [first] = broken
  process.send?.({ seed, deployment: deployment.name, ...(first && { invariant: first.invariant }) })
})
