import { afterEach, expect, test, vi } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { AssignedTask } from '../../src/runtime/assigned-task.ts'
import { StandbyTasks } from '../../src/runtime/standby-tasks.ts'
import { TaskState } from '../../src/runtime/task-state.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { instanceContext } from '../support/instance-context.ts'

const app = topology('copied', ({ stream }) => {
  stream(topic('in', { key: serdes.string, value: serdes.long, partitions: 2 }))
    .groupByKey()
    .count('seen')
})
const acceptableRecoveryLag = 100

afterEach(() => {
  vi.restoreAllMocks()
})

/** A member that is to have a copy of partition 0, and then its task; partition 1 may be here. */
async function warming() {
  let nowMs = 0
  const clock = { ...systemClock, now: () => nowMs, random: () => 1 }
  const context = await instanceContext(app, { acceptableRecoveryLag, clock })
  const [layout] = context.layout.subTopologies
  if (!layout) throw new Error('it has no sub-topology')
  const follow = vi.spyOn(TaskState.prototype, 'follow')
  const here: Pick<AssignedTask, 'id' | 'layout' | 'isActive'>[] = []
  const enforceRebalance = vi.fn()
  const standbys = new StandbyTasks({
    context,
    globalStores: new Map(),
    consumer: { enforceRebalance },
    here: () => here,
  })
  const of = { topic: 'in', partition: 0 }
  const assign = () => standbys.assign({ copies: [of], warmups: [of], hosts: [] })
  assign()
  const followed = async (lag: number) => {
    follow.mockResolvedValue(lag)
    standbys.advance()
    await vi.waitFor(() => expect(standbys.copies).toEqual([{ ...of, lag }]))
    // Whoever is told is told by then.
    await new Promise((resolve) => setImmediate(resolve))
  }
  const restoring = (isActive: boolean) => here.splice(0, 1, { id: 'in_1', layout, isActive })
  const sleep = (ms: number) => {
    nowMs += ms
  }
  return { standbys, assign, sleep, follow, followed, restoring, enforceRebalance }
}

test('the group is told when what is to come here is near enough to its changelogs, and ever more rarely again', async () => {
  const { standbys, assign, sleep, followed, enforceRebalance } = await warming()
  await followed(acceptableRecoveryLag + 1)
  expect(enforceRebalance).not.toHaveBeenCalled()
  await followed(acceptableRecoveryLag)
  expect(enforceRebalance).toHaveBeenCalledOnce()
  // Its leader has other bounds, and does not give it.
  assign()
  sleep(499)
  await followed(0)
  expect(enforceRebalance).toHaveBeenCalledOnce()
  sleep(501)
  await followed(1)
  expect(enforceRebalance).toHaveBeenCalledTimes(2)
  sleep(999)
  await followed(0)
  expect(enforceRebalance).toHaveBeenCalledTimes(2)
  sleep(1_001)
  await followed(1)
  expect(enforceRebalance).toHaveBeenCalledTimes(3)
  await standbys.close()
})

test('no copy is read while a task that has come here is restored', async () => {
  const { standbys, follow, followed, restoring } = await warming()
  restoring(false)
  standbys.advance()
  expect(standbys.all).toEqual([])
  restoring(true)
  await followed(0)
  follow.mockClear()
  restoring(false)
  standbys.advance()
  expect(follow).not.toHaveBeenCalled()
  await standbys.close()
})
