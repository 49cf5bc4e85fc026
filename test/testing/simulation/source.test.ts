import { describe, expect, test } from 'vitest'
import { brokenUnder, type SourceSimulationOptions } from './source-simulation.ts'

async function holds(seeds: readonly number[], options: SourceSimulationOptions = {}): Promise<void> {
  for (const seed of seeds)
    expect({ seed, broken: await brokenUnder(seed, options) }).toEqual({ seed, broken: [] })
}

const slow = 120_000
const none = { kill: 0, freeze: 0, cut: 0, stall: 0, 'lose-answers': 0, 'kill-broker': 0 }

describe('what a source emits is on its topic once, and in order', () => {
  test(
    'though several instances run it',
    async () => {
      await holds([1, 2], { instances: 2, rates: none })
    },
    slow,
  )

  test(
    'though its owners die, freeze and lose connections, with batches on their way',
    async () => {
      await holds([1, 2, 21], {})
      // An owner's last batch comes when the next one has read where to go on.
      await holds([5, 11], { instances: 1 })
    },
    slow,
  )

  test(
    'though its own connection breaks while what it has emitted is on its way',
    async () => {
      await holds([1, 2], { breaks: 10, rates: { ...none, stall: 10 } })
    },
    slow,
  )

  test(
    'though other programs have transactions open on the topic while it looks where it was',
    async () => {
      await holds([1, 2, 3], { instances: 1, foreign: 4, rates: { ...none, kill: 4 } })
    },
    slow,
  )
})
