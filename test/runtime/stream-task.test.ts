import { lastValueFrom, Subject } from 'rxjs'
import { expect, test, vi } from 'vitest'
import { partitionFor } from '../../src/kafka/partitioner.ts'
import type { Kafka, KafkaAdmin, TopicToEnsure } from '../../src/kafka/types.ts'
import { BytesColumn } from '../../src/records/bytes-column.ts'
import { createTask } from '../../src/runtime/create-task.ts'
import { DeadLetters } from '../../src/runtime/dead-letter.ts'
import { FetchedChunk, InputQueue } from '../../src/runtime/input-queue.ts'
import { LocalCopies } from '../../src/runtime/local-copies.ts'
import { StreamTask } from '../../src/runtime/stream-task.ts'
import { TaskState } from '../../src/runtime/task-state.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { instanceContext } from '../support/instance-context.ts'

const app = topology('choosing', ({ stream }) => {
  stream(topic('in', { key: serdes.string, value: serdes.string })).to({
    topicBy: () => 'chosen',
    key: serdes.string,
    value: serdes.string,
  })
})

const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)

/** A task that has read its records, and whose topic is made as the answer says. */
async function choosing(answer: (name: string) => Promise<number>, commit = async () => {}) {
  const ensureTopics = async (topics: readonly TopicToEnsure[]) => {
    const counts = topics.map(async ({ name }) => [name, await answer(name)] as const)
    return new Map(await Promise.all(counts))
  }
  const admin: Pick<KafkaAdmin, 'ensureTopics'> = { ensureTopics }
  const context = await instanceContext(app, { commitIntervalMs: 600_000 })
  const settings = { ...context.settings, kafka: { admin } as Kafka }
  const [layout] = context.layout.subTopologies
  const [input] = layout?.inputs ?? []
  if (!layout || !input) throw new Error('the topology has one sub-topology with one input')
  const task = createTask(layout.subTopology, settings, new Map())
  const queue = new InputQueue(input, 0, 0)
  const fetch = () => {
    const column = BytesColumn.of(keys.map((key) => Buffer.from(key)))
    const timestampsMs = keys.map(() => 1)
    const offsets = keys.map((_, i) => queue.queuedOffset + i)
    const chunk = { topic: 'in', partition: 0, keys: column, values: column, timestampsMs, offsets }
    const nextOffset = queue.queuedOffset + keys.length
    queue.push(new FetchedChunk({ chunk, nextOffset, endOffset: nextOffset }, input))
    streamTask.run()
  }
  const sent: { partition: number; key: string }[] = []
  const place = { id: 'in_0', partition: 0, stores: [], context }
  const streamTask = new StreamTask({
    id: 'in_0',
    task,
    queues: [queue],
    state: new TaskState({ ...place, task, copies: new LocalCopies(place) }),
    producer: {
      send: async (_, partition, records) => {
        for (const key of records.keys) sent.push({ partition, key: String(key) })
        return { baseOffset: 0 }
      },
      commit,
      close: async () => {},
    },
    context: { ...context, settings },
    deadLetters: new DeadLetters(context),
    worked: () => {},
  })
  fetch()
  return { streamTask, sent, fetch, failures: context.failures }
}

test('a topic that a record chose and that can not be made fails the task', async () => {
  const { failures } = await choosing(async () => {
    throw new Error('no such topic may be')
  })
  await vi.waitFor(() => expect(failures).toEqual([new Error('no such topic may be')]))
})

test('a commit waits until the partitions of such a topic are known, and sends each record once, where it belongs', async () => {
  const answered = new Subject<number>()
  let asked = 0
  const { streamTask, sent } = await choosing(() => {
    asked++
    return lastValueFrom(answered)
  })
  const committed = streamTask.commit()
  answered.next(3)
  answered.complete()
  await committed
  const expected = keys.map((key) => ({ partition: partitionFor(Buffer.from(key), 3), key }))
  const inOrder = (records: typeof sent) => [...records].sort((a, b) => (a.key < b.key ? -1 : 1))
  expect(inOrder(sent)).toEqual(inOrder(expected))
  expect(asked).toBe(1)
})

test('a commit that waits for the partitions of such a topic sends nothing when the task is abandoned meanwhile', async () => {
  const answered = new Subject<number>()
  let commits = 0
  const { streamTask, sent } = await choosing(
    () => lastValueFrom(answered),
    async () => {
      commits++
    },
  )
  const committed = streamTask.commit()
  const given = expect(committed).rejects.toMatchObject({ message: 'task in_0 is given up' })
  await streamTask.abandon()
  answered.next(3)
  answered.complete()
  await given
  expect([sent, commits]).toEqual([[], 0])
})

test('what was processed while a commit was under way is not sent when the task was abandoned meanwhile', async () => {
  const committing = new Subject<void>()
  const { streamTask, sent, fetch } = await choosing(
    async () => 1,
    () => lastValueFrom(committing, { defaultValue: undefined }),
  )
  await vi.waitFor(() => expect(sent).toHaveLength(keys.length))
  const committed = streamTask.commit()
  fetch()
  await streamTask.abandon()
  committing.complete()
  await committed
  // Its transaction was aborted: this would begin another one, which nobody ends, and hide all that follows it.
  expect(sent).toHaveLength(keys.length)
})
