import { describe, expect, test } from 'vitest'
import type { RivuletError } from '../../../src/errors.ts'
import { serdes } from '../../../src/serdes/serdes.ts'
import { topic } from '../../../src/stream/topic.ts'
import { topology } from '../../../src/stream/topology.ts'
import {
  failureText,
  planOf,
  replay,
  type SimulationFailure,
  simulate,
} from '../../../src/testing/simulation/simulate.ts'

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
  return Array.from({ length: 40 }, (_, i) => ({
    topic: input,
    key: `k${Math.floor(random() * 4)}`,
    value: 1,
    timestampMs: i,
    atMs: Math.floor(random() * 20_000),
  }))
}

async function failureOf(simulating: Promise<unknown>): Promise<RivuletError & { cause: SimulationFailure }> {
  return simulating.then(
    () => {
      throw new Error('nothing has failed')
    },
    (error) => error,
  )
}

describe('a simulation', () => {
  test('holds what instances write under faults to what the test driver writes', async () => {
    const report = await simulate(counts, { seeds: 3, records })
    expect(report.seeds).toBe(3)
    expect(report.virtualMs).toBeGreaterThan(60_000)
  })

  test('finds no record counted twice where requests come late and answers are lost', async () => {
    const faults = { stall: 25, 'lose-answers': 15 }
    const report = await simulate(counts, { seeds: 15, records, faults })
    expect(report.seeds).toBe(15)
  })

  test('finds nothing lost or doubled where Kafka has three nodes, which die, and leaders and coordinators move', async () => {
    const faults = { 'kill-node': 6, 'move-leader': 20, 'move-coordinator': 12 }
    const report = await simulate(counts, { seeds: 3, brokers: 3, records, faults })
    expect(report.seeds).toBe(3)
  })

  test('finds nothing lost or doubled where partitions are added while it runs', async () => {
    const stateless = topology('stateless', ({ stream }) => {
      stream(input)
        .mapValues((value) => value + 1)
        .to(output)
    })
    const report = await simulate(stateless, { seeds: 3, records, faults: { 'add-partitions': 4 } })
    expect(report.seeds).toBe(3)
  })

  test('does not go on where a topic loses its end', async () => {
    const faults = { 'lose-end': 6 }
    await expect(simulate(counts, { seeds: [1], records, faults })).rejects.toMatchObject({
      code: 'SIMULATION_FAILED',
    })
  })

  test('refuses a record of a topic that nothing reads', async () => {
    const wrong = () => [{ topic: output, key: 'k', value: 1, timestampMs: 0, atMs: 0 }]
    await expect(simulate(counts, { seeds: 1, records: wrong })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
    })
  })
})

describe('a simulation that fails', () => {
  // Of the records of one key, what every third one adds depends on who has processed the one before: on nothing that lasts.
  const forgetful = () => {
    const seen = new Set<string>()
    return topology('forgetful', ({ stream }) => {
      stream(input)
        .mapValues((value, key) => {
          const isFirst = !seen.has(key)
          seen.add(key)
          return isFirst ? value : value + 1
        })
        .to(output)
    })
  }

  // Outputs are written before the offsets of their inputs.
  const environment = { processing: 'at-least-once' } as const

  test('says which seed it is and what did not hold, and is left with what it takes', async () => {
    const error = await failureOf(simulate(counts, { seeds: [7], records, environment }))
    expect(error.code).toBe('SIMULATION_FAILED')
    expect(error.message).toMatch(/^seed 7 fails:\n {2}no half of a transaction is seen: .*out k/)
    const { plan, broken } = error.cause
    expect(plan).toMatchObject({ seed: 7, instances: 1, records: [{ topic: 'in', value: 1 }], faults: [] })
    expect(broken[0]?.invariant).toBe('no half of a transaction is seen')
  })

  test('fails in the same way when its plan is given back as JSON', async () => {
    const first = await failureOf(simulate(counts, { seeds: [7], records, environment }))
    const plan = JSON.parse(first.message.split('\n').at(-1) ?? '')
    const again = await failureOf(replay(counts, plan, { environment }))
    expect(again.cause).toEqual(first.cause)
  })

  test('says so where callbacks do not do the same each time', async () => {
    const error = await failureOf(simulate(forgetful(), { seeds: [7], records }))
    expect(error.message).toContain('a callback of the topology is not deterministic')
  })

  test('has all of a plan that is too long for a sentence', async () => {
    const many = (random: () => number) => [...records(random), ...records(random), ...records(random)]
    const error = await failureOf(simulate(forgetful(), { seeds: [7], records: many }))
    expect(error.message).toMatch(/its plan is long, and stands in this error's cause$/)
    expect(JSON.parse(failureText(error).split('\n').at(-1) ?? '')).toEqual(error.cause.plan)
  })

  test('does not hide a plan behind values that JSON has not got', async () => {
    const big = topic('in', { key: serdes.string, value: serdes.bigint, partitions: 1 })
    const bigOut = topic('out', { key: serdes.string, value: serdes.bigint, partitions: 1 })
    const copy = topology('copy', ({ stream }) => stream(big).to(bigOut))
    const one = () => [{ topic: big, key: 'k', value: 5n, timestampMs: 0, atMs: 0 }]
    const error = await failureOf(simulate(copy, { seeds: [1], records: one, environment }))
    expect(error.message).toContain('"value":"5n"')
    expect(error.cause.plan.records).toMatchObject([{ value: 5n }])
  })
})

test('a plan depends on nothing but the seed', () => {
  const options = { records, instances: 3 }
  expect(planOf(5, options)).toEqual(planOf(5, options))
  expect(planOf(6, options)).not.toEqual(planOf(5, options))
})
