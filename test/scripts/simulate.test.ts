import { describe, expect, test } from 'vitest'
import {
  deployments,
  environment,
  furtherDeployments,
  type SimulatedDeployment,
} from '../../scripts/simulation/deployments.ts'
import { heldPlan, scenarioOf } from '../../scripts/simulation/scenario.ts'
import type { SeedResult } from '../../scripts/simulation/worker.ts'
import { runInWorkers } from '../../scripts/simulation/workers.ts'
import { faultKinds } from '../../src/testing/index.ts'

const seeds = Array.from({ length: 300 }, (_, i) => i + 1)
/** A minute and a half on two cores that are busy with other tests, too. */
const slowMs = 600_000

describe('simulated deployments', () => {
  const hashes = new Map<number, string>()

  test(
    'hold under 300 seeds',
    async () => {
      const failures: string[] = []
      const done = ({ seed, traceHash, failure }: SeedResult) => {
        hashes.set(seed, traceHash)
        if (failure !== undefined) failures.push(failure)
      }
      await runInWorkers({ seeds, jobs: 2, done })
      expect(failures).toEqual([])
      expect([...hashes.keys()].toSorted((a, b) => a - b)).toEqual(seeds)
      expect(new Set(hashes.values()).size).toBe(seeds.length)
    },
    slowMs,
  )

  test(
    'do the same things under the same seed in this process, too',
    async () => {
      for (const seed of [11, 22, 33]) {
        const { deployment, plan } = scenarioOf(seed)
        const { traceHash } = await heldPlan(deployment, plan)
        expect(traceHash).toBe(hashes.get(seed))
      }
    },
    slowMs,
  )

  test('go on where one slept while another brought the sink further', async () => {
    const deployment = deployments.find(({ name }) => name === 'storing') as SimulatedDeployment
    const value = (key: string, timestampMs: number, atMs: number) => ({
      ...{ topic: 'in', key, value: 5, timestampMs, atMs },
    })
    const joins = 14
    const plan = {
      seed: 2_611,
      instances: 2,
      brokers: 1,
      records: [value('k4', 31_193, 31_193), value('last1', 340_200, 34_021)],
      faults: [
        { atMs: 2_789, kind: 'freeze', pick: 0.08913248055614531, forMs: 27_793, atRequest: joins } as const,
      ],
    }
    await expect(heldPlan(deployment, plan)).resolves.toMatchObject({ broken: [] })
  })

  test.each(furtherDeployments.map(({ name }) => name))(
    '%s hold, too',
    async (name) => {
      for (const seed of [1, 2, 3]) {
        const { deployment, plan } = scenarioOf(seed, name)
        expect(deployment.standbys === 1 || deployment.storeType === 'disk').toBe(true)
        expect((await heldPlan(deployment, plan)).broken).toEqual([])
      }
    },
    60_000,
  )

  test('are all drawn, with every kind of fault that a deployment can go on after', () => {
    const scenarios = seeds.map((seed) => scenarioOf(seed))
    expect(new Set(scenarios.map(({ deployment }) => deployment.name)).size).toBe(deployments.length)
    const kinds = new Set(scenarios.flatMap(({ plan }) => plan.faults.map(({ kind }) => kind)))
    // Records that are lost, or partitions that a state has not got, are for an operator.
    const survived = faultKinds.filter((kind) => kind !== 'lose-end' && kind !== 'add-partitions')
    expect([...kinds].toSorted()).toEqual(survived.toSorted())
  })

  test('have more to process than their buffers hold', () => {
    const { plan } = scenarioOf(1, 'counting')
    expect(plan.records.length).toBeGreaterThan(environment.recordsBufferedMax ?? 0)
  })
})
