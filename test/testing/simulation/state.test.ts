import { expect, test } from 'vitest'
import { heldPlan, scenarioOf } from '../../../scripts/simulation/scenario.ts'

async function holds(name: string, seed: number): Promise<void> {
  const { deployment, plan } = scenarioOf(seed, name)
  expect((await heldPlan(deployment, plan)).broken).toEqual([])
}

test('no deleted key comes back with a checkpoint that has missed what compaction took', async () => {
  await holds('deleting', 1)
})
