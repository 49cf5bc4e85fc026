import { expect, test } from 'vitest'
import { heldPlan, scenarioOf } from '../../../scripts/simulation/scenario.ts'

async function holds(name: string, seed: number): Promise<void> {
  const { deployment, plan } = scenarioOf(seed, name)
  expect((await heldPlan(deployment, plan)).broken).toEqual([])
}

test('no deleted key comes back with a checkpoint that has missed what compaction took', async () => {
  // It does, where a checkpoint is taken whatever its age.
  await holds('deleting', 47)
})

test('what is committed behind an aborted transaction that compaction took is read', async () => {
  // It is not, where the broker still tells readers of the aborted one, whose marker is gone.
  await holds('deleting', 6)
})

test('a task of the version before that wakes up behind a deploy commits nothing any more', async () => {
  // It does, where a task shuts out only those of its own name.
  await holds('joining', 41)
})

test('tasks that a deploy makes of one do not shut each other out for ever', async () => {
  // They do, where what the one had committed is not committed anew in their names.
  await holds('parting', 19)
})
