import { expect, test } from 'vitest'
import { deployments } from '../../../scripts/simulation/deployments.ts'
import { type SimulateOptions, simulate } from '../../../src/testing/simulation/simulate.ts'

async function run(name: string, options: Pick<SimulateOptions, 'seeds' | 'faults'>): Promise<number> {
  const { topology, ...deployment } = deployments.find((each) => each.name === name)!
  return (await simulate(topology, { ...deployment, ...options })).seeds
}

test('no deleted key comes back with a checkpoint that has missed what compaction took', async () => {
  // It does, where a checkpoint is taken whatever its age and whatever the changelog holds at its end.
  expect(await run('deleting', { seeds: [2], faults: { kill: 6 } })).toBe(1)
})

test('what is committed behind an aborted transaction that compaction took is read', async () => {
  // It is not, where the broker still tells readers of the aborted one, whose marker is gone.
  expect(await run('deleting', { seeds: [124] })).toBe(1)
})

test('a task of the version before that wakes up behind a deploy commits nothing any more', async () => {
  const quiet = { kill: 0, cut: 0, stall: 0, 'lose-answers': 0, 'kill-broker': 0 }
  const faults = { ...quiet, freeze: 20, deploy: 1.5 }
  // In each it does, where a task shuts out only those of its own name.
  expect(await run('joining', { seeds: [9, 38], faults })).toBe(2)
})

test('tasks that a deploy makes of one do not shut each other out for ever', async () => {
  // They do, where what the one had committed is not committed anew in their names.
  expect(await run('parting', { seeds: [3], faults: { freeze: 4, deploy: 0.7 } })).toBe(1)
})
