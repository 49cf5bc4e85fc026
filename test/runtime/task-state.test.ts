import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createTask } from '../../src/runtime/create-task.ts'
import { LocalCopies } from '../../src/runtime/local-copies.ts'
import { type LoggedChanges, TaskState } from '../../src/runtime/task-state.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { instanceContext } from '../support/instance-context.ts'

const app = topology('counting', ({ stream }) => {
  stream(topic('in', { key: serdes.string, value: serdes.long }))
    .groupByKey()
    .count('counts')
})

let stateDir: string
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'rivulet-state-'))
})
afterEach(() => rm(stateDir, { recursive: true, force: true }))

async function taskState() {
  const context = await instanceContext(app, { stateDir })
  const layout = context.layout.subTopologies[0]!
  const task = createTask(layout.subTopology, context.settings, new Map())
  const { stores } = layout
  const copies = new LocalCopies({ id: '0_0', partition: 0, stores, context })
  return new TaskState({ id: '0_0', partition: 0, task, stores, copies, context })
}

const [counts] = app.nodes.flatMap((node) => (node.type === 'operator' ? node.stores : []))

const committedUpTo = (lastOffset: number): LoggedChanges[] => [
  {
    store: { spec: counts!, topic: 'counting-counts-changelog', isChangelog: true },
    changes: { keys: [Buffer.from('k')], values: [Buffer.from('v')], timestampsMs: [1] },
    lastOffset,
    knownAtMs: 0,
  },
]

async function checkpointBytes(): Promise<number[]> {
  const names = await readdir(stateDir, { recursive: true })
  const files = names.filter((name) => name.endsWith('.checkpoint'))
  return Promise.all(files.map(async (name) => (await stat(join(stateDir, name))).size))
}

test('a commit that ends behind its task writes no checkpoint: the files may be those of the next owner', async () => {
  const state = await taskState()
  state.committed(committedUpTo(1))
  await state.close()
  const [bytes = 0] = await checkpointBytes()
  expect(bytes).toBeGreaterThan(0)
  state.committed(committedUpTo(2))
  await state.close()
  expect(await checkpointBytes()).toEqual([bytes])
})
