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
      await holds([1, 5], {})
      // An owner's last batch comes when the next one has read where to go on.
      await holds([3, 21], { instances: 1 })
    },
    slow,
  )

  test(
    'though its own connection breaks while what it has emitted is on its way',
    async () => {
      await holds([2, 11], { breaks: 12, rates: { stall: 20 } })
    },
    slow,
  )

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

describe('what a source emits is on its topic, though it may be there again', () => {
  test(
    'where the other side forgets what was acknowledged',
    async () => {
      await holds([1, 2, 3], { by: 'acknowledgement', breaks: 3 })
    },
    slow,
  )

  test(
    'where it writes at least once',
    async () => {
      await holds([1, 2], { by: 'position', processing: 'at-least-once' })
    },
    slow,
  )
})
