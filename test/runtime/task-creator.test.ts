import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { KafkaConsumer } from '../../src/kafka/types.ts'
import { AssignedTask } from '../../src/runtime/assigned-task.ts'
import { DeadLetters } from '../../src/runtime/dead-letter.ts'
import { ShownOffsets } from '../../src/runtime/shown-offsets.ts'
import { SinkWriters } from '../../src/runtime/sink-writers.ts'
import { TaskCreator } from '../../src/runtime/task-creator.ts'
import { createTaskStores } from '../../src/runtime/task-stores.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { instanceContext } from '../support/instance-context.ts'
import { KafkaRig } from '../support/kafka-rig.ts'

const input = topic('in', { key: serdes.string, value: serdes.long })
const changelog = topic('copied-seen-changelog', { key: serdes.string, value: serdes.json<number>() })
const app = topology('copied', ({ stream }) => {
  stream(input).groupByKey().count('seen')
})
const halfOfDeleteRetentionMs = 12 * 3_600_000

let rig: KafkaRig
beforeEach(async () => {
  rig = await KafkaRig.start()
})
afterEach(() => rig.close())

const rows = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ key: `k${i}`, value: 1, timestampMs: i }))

/** A copy that has read five changes, of a task that comes here after so long. */
async function copied(laterMs = 0) {
  let now = systemClock.now
  const context = await instanceContext(app, {
    kafka: rig.kafka,
    clock: { ...systemClock, now: () => now() },
  })
  const [layout] = context.layout.subTopologies
  if (!layout) throw new Error('it has no sub-topology')
  await rig.kafka.admin.ensureTopics([{ name: input.name, partitions: 1 }])
  await rig.produce(changelog, rows(5))
  const stores = createTaskStores({ context, globalStores: new Map(), layout, partition: 0 })
  await stores.state.follow(new AbortController().signal)
  now = () => systemClock.now() + laterMs
  const consumer = {} as KafkaConsumer
  const creator = new TaskCreator({
    context,
    consumer,
    sinks: new SinkWriters(context),
    globalStores: new Map(),
    deadLetters: new DeadLetters(context),
    shownOffsets: new ShownOffsets(context, consumer),
    standbys: { take: async () => stores },
  })
  const promote = () => creator.create(new AssignedTask(layout, 0, [], context.statistics))
  return { context, promote }
}

describe('a task that comes to where its stores were copied', () => {
  test('reads what they lack, and no more', async () => {
    const { context, promote } = await copied()
    await rig.produce(changelog, rows(2))
    await promote()
    expect(context.events).toEqual([{ type: 'task-started', task: 'in_0', fromCheckpoint: 0, fromTopic: 2 }])
  })

  test('reads its changelogs from their beginning, where the copy may have missed deletions', async () => {
    const { context, promote } = await copied(halfOfDeleteRetentionMs + 1)
    await rig.produce(changelog, rows(2))
    await promote()
    expect(context.events).toEqual([{ type: 'task-started', task: 'in_0', fromCheckpoint: 0, fromTopic: 7 }])
  })

  test('does not count anew what the group has forgotten that it has read, though the copy lacks nothing', async () => {
    const { promote } = await copied()
    await rig.produce(input, rows(5))
    await expect(promote()).rejects.toThrow('would count twice')
  })
})
