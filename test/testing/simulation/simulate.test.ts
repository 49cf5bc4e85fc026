import { describe, expect, test } from 'vitest'
import { silentLogger } from '../../../src/logger.ts'
import { serdes } from '../../../src/serdes/serdes.ts'
import { topic } from '../../../src/stream/topic.ts'
import { topology } from '../../../src/stream/topology.ts'
import { planOf, simulate } from '../../../src/testing/simulation/simulate.ts'
import { runPlan } from '../../../src/testing/simulation/simulation.ts'

const input = topic('in', { key: serdes.string, value: serdes.long, partitions: 2 })
const output = topic('out', { key: serdes.string, value: serdes.long, partitions: 2 })

const counts = topology('counts', ({ stream }) => {
  stream(input)
    .groupByKey()
    .count('seen')
    .toStream()
    .filter((count) => count !== null)
    .to(output)
})

function records(random: () => number) {
  return Array.from({ length: 60 }, (_, i) => ({
    topic: input,
    key: `k${Math.floor(random() * 4)}`,
    value: 1,
    timestampMs: i,
    atMs: Math.floor(random() * 40_000),
  }))
}

const deployment = { topology: counts, instances: 2, environment: {}, logger: silentLogger }

describe('a simulation', () => {
  test('does the same things under the same seed, and others under another', async () => {
    const hashOf = async (seed: number) => (await runPlan(deployment, planOf(seed, { records }))).traceHash
    const [first, again, other] = [await hashOf(1), await hashOf(1), await hashOf(2)]
    expect(again).toBe(first)
    expect(other).not.toBe(first)
  })

  test('holds what instances write under faults to what the test driver writes', async () => {
    const report = await simulate(counts, { seeds: 3, records })
    expect(report.seeds).toBe(3)
    expect(report.virtualMs).toBeGreaterThan(120_000)
  })

  test('finds no record counted twice where requests come late and answers are lost', async () => {
    const faults = { stall: 25, 'lose-answers': 10 }
    // Both count a record twice where a transaction is ended again, or another begun, behind a missed answer.
    const report = await simulate(counts, { seeds: [288, 341], records, faults })
    expect(report.seeds).toBe(2)
  })

  test('says which seed fails, and what did not hold', async () => {
    let made = 0
    // Counts on from where the other instances and the driver are: what no topology may do.
    const impure = topology('impure', ({ stream }) => {
      stream(input)
        .mapValues(() => ++made)
        .to(output)
    })
    await expect(simulate(impure, { seeds: [7], records })).rejects.toMatchObject({
      code: 'SIMULATION_FAILED',
      message: expect.stringMatching(/^seed 7 .*out k/s),
    })
  })
})
