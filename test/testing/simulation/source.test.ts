import { describe, expect, test } from 'vitest'
import { brokenUnder, type SourceSimulationOptions } from './source-simulation.ts'

async function holds(seeds: readonly number[], options: SourceSimulationOptions = {}): Promise<void> {
  for (const seed of seeds)
    expect({ seed, broken: await brokenUnder(seed, options) }).toEqual({ seed, broken: [] })
}

const slow = 120_000

describe('what a source emits is on its topic once, and in order', () => {
  test(
    'though other programs have transactions open on the topic while it looks where it was',
    async () => {
      await holds([1, 3, 7], { instances: 1, foreign: 4, rates: { kill: 4 } })
    },
    slow,
  )

  test(
    'though one position stands for several partitions, and its dead letters are there once, too',
    async () => {
      await holds([3, 4, 6], { by: 'position' })
      // An owner commits its last position when the next one has asked for it.
      await holds([65], { by: 'position', rates: { stall: 25, kill: 8, freeze: 6 } })
    },
    slow,
  )
})
