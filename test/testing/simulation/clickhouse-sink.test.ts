import { describe, expect, test } from 'vitest'
import { brokenUnder, type SinkSimulationOptions } from './sink-simulation.ts'

async function holds(seeds: readonly number[], options: SinkSimulationOptions = {}): Promise<void> {
  for (const seed of seeds)
    expect({ seed, broken: await brokenUnder(seed, options) }).toEqual({ seed, broken: [] })
}

const slow = 120_000

describe('while instances die, freeze and lose connections, a table has each row once, and the rest are dead letters', () => {
  test(
    'though calls are lost, late, refused for a while, or done and not answered',
    async () => {
      const faults = { lost: 0.03, late: 0.05, unanswered: 0.05, failing: 0.05 }
      // 37: an instance looks at the topic, and at the table only after another one has gone on.
      await holds([1, 2, 37], { lateMsMax: 30_000, faults })
    },
    slow,
  )

  test(
    'though an instance sleeps for longer than the table remembers tokens',
    async () => {
      const rates = { kill: 1, freeze: 3, cut: 1, stall: 1, 'lose-answers': 1, 'kill-broker': 0 }
      const often = { durationMs: 300_000, recordsPerSecond: 20 }
      await holds([9], { ...often, rates, freezeTimes: 5, tokensMax: 400 })
    },
    slow,
  )

  test(
    'though the server is killed when it has noted a token, and the part is not there',
    async () => {
      await holds([1, 2], { faults: { burnt: 0.02 } })
    },
    slow,
  )

  test(
    'though the profile of the user switches deduplication off',
    async () => {
      await holds([1, 2], { faults: { unanswered: 0.1 }, profile: { insert_deduplicate: 0 } })
    },
    slow,
  )

  test(
    'though the profile of the user asks for small blocks',
    async () => {
      await holds([1, 2], { faults: { unanswered: 0.1 }, profile: { max_insert_block_size: 2 } })
    },
    slow,
  )

  test(
    'though one of several replicas answers that is behind the one that took the rows',
    async () => {
      await holds([1, 2], {
        replicas: 3,
        lagMsMax: 20_000,
        faults: { unanswered: 0.1, late: 0.05 },
        lateMsMax: 30_000,
      })
    },
    slow,
  )
})
