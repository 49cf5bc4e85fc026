import { describe, expect, test } from 'vitest'
import { deployments, environment } from '../../scripts/simulation/deployments.ts'
import { heldPlan, scenarioOf } from '../../scripts/simulation/scenario.ts'
import type { SeedResult } from '../../scripts/simulation/worker.ts'
import { runInWorkers } from '../../scripts/simulation/workers.ts'
import { faultKinds } from '../../src/testing/index.ts'

const seeds = Array.from({ length: 300 }, (_, i) => i + 1)

async function resultsOf(some: readonly number[], jobs: number): Promise<SeedResult[]> {
  const results: SeedResult[] = []
  await runInWorkers({ seeds: some, jobs, done: (result) => results.push(result) })
  return results
}

describe('simulated deployments', () => {
  test('hold under 300 seeds', async () => {
    const results = await resultsOf(seeds, 2)
    expect(results.flatMap(({ failure }) => failure ?? [])).toEqual([])
    expect(results.map(({ seed }) => seed).toSorted((a, b) => a - b)).toEqual(seeds)
  }, 240_000)

  test('do the same things under the same seed in any process', async () => {
    const some = [11, 12, 13]
    const elsewhere = new Map((await resultsOf(some, 1)).map(({ seed, traceHash }) => [seed, traceHash]))
    for (const seed of some) {
      const { deployment, plan } = scenarioOf(seed)
      const { traceHash } = await heldPlan(deployment, plan)
      expect(traceHash).toBe(elsewhere.get(seed))
    }
    expect(new Set(elsewhere.values()).size).toBe(some.length)
  })

  test('are all drawn, with every kind of fault', () => {
    const scenarios = seeds.map((seed) => scenarioOf(seed))
    expect(new Set(scenarios.map(({ deployment }) => deployment.name)).size).toBe(deployments.length)
    const kinds = new Set(scenarios.flatMap(({ plan }) => plan.faults.map(({ kind }) => kind)))
    expect([...kinds].toSorted()).toEqual([...faultKinds].toSorted())
  })

  test('have more to process than their buffers hold', () => {
    const { plan } = scenarioOf(1)
    expect(plan.records.length).toBeGreaterThan(environment.recordsBufferedMax ?? 0)
  })
})
