import { expect, test } from 'vitest'
import type { CommittedOffset, Kafka, KafkaAdmin, TransactionalProducer } from '../../src/kafka/types.ts'
import { encodeMetadata } from '../../src/runtime/commit-metadata.ts'
import { commitOf, resumeForgotten, takeOver } from '../../src/runtime/committed-offsets.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { instanceContext } from '../support/instance-context.ts'

const [left, right] = ['left', 'right'].map((name) => topic(name, { key: serdes.string, value: serdes.long }))
const app = topology('app', ({ stream }) => {
  stream(left!)
    .merge(stream(right!))
    .to(topic('out', { key: serdes.string, value: serdes.long }))
})

/** What is done in Kafka when the task of both topics takes over what the group has. */
async function takenOver(
  committed: readonly CommittedOffset[],
  taskName?: string,
): Promise<readonly unknown[]> {
  const done: unknown[] = []
  const admin: Pick<KafkaAdmin, 'settledOffsets'> = {
    settledOffsets: async () => {
      done.push('read')
      return committed
    },
  }
  const kafka: Pick<Kafka, 'admin' | 'transactionalProducer'> = {
    admin: admin as KafkaAdmin,
    transactionalProducer: async ({ transactionalId }) => {
      done.push(`fence ${transactionalId}`)
      return { close: async () => {} } as TransactionalProducer
    },
  }
  const { layout, settings, over } = await instanceContext(app)
  const [both] = layout.subTopologies
  const ending = new AbortController().signal
  const context = { layout, settings: { ...settings, kafka: kafka as Kafka }, over }
  const producer = { commit: async (offsets: unknown) => void done.push(offsets) }
  const inputs = both!.inputs.map((input) => ({ ...input, taskName: taskName ?? input.topic }))
  const id = `${taskName ?? 'left'}_0`
  await takeOver({ id, inputs, partition: 0, ending }, producer, context)
  return done
}

const offset = (topic: string, metadata = ''): CommittedOffset => ({
  topic,
  partition: 0,
  offset: 5,
  metadata,
})

test('a task shuts out whoever has the name of one of its inputs, before it asks how far the group is', async () => {
  expect(await takenOver([offset('left'), offset('right')])).toEqual(['fence app-right_0', 'read'])
})

test('a task shuts out who has committed for its inputs under another name, and commits that anew in its own', async () => {
  const times = new Map([['window', { ms: 70 }]])
  const changelogs = new Map([['window', { lowOffset: 0, endOffset: 9 }]])
  const metadata = encodeMetadata(times, { committer: 'early_0', changelogs })
  const own = encodeMetadata(times, { committer: 'left_0', changelogs })
  expect(await takenOver([offset('left', metadata), offset('right', metadata)])).toEqual([
    ...['fence app-right_0', 'read', 'fence app-early_0', 'read'],
    [offset('left', encodeMetadata(times, { changelogs })), offset('right', own)],
  ])
})

test('a task that comes back to what it has committed itself shuts out nobody else', async () => {
  const own = commitOf('left_0', [offset('left'), offset('right')], new Map())
  const committed = own.map((each) => ({ ...each, metadata: each.metadata ?? '' }))
  expect(await takenOver(committed)).toEqual(['fence app-right_0', 'read'])
})

test('a task of a pattern shuts out those that were named after its topics, once they have committed', async () => {
  const nothing = { topic: 'right', partition: 0, offset: undefined, metadata: '' }
  expect(await takenOver([offset('left'), nothing], '~pattern')).toEqual([
    ...['read', 'fence app-left_0', 'read'],
    [offset('left', encodeMetadata(new Map(), { committer: '~pattern_0' }))],
  ])
})

/** A task that has found state, but no offsets when it has asked for them; by now the group has these. */
async function resumed(committed: readonly CommittedOffset[]): Promise<void> {
  const admin: Pick<KafkaAdmin, 'settledOffsets' | 'offsets'> = {
    settledOffsets: async () => committed,
    offsets: async () => [{ partition: 0, lowOffset: 0, endOffset: 5 }],
  }
  const { layout, settings, over } = await instanceContext(app)
  const [both] = layout.subTopologies
  const task = { id: 'left_0', inputs: both!.inputs, partition: 0, ending: new AbortController().signal }
  const context = { layout, settings: { ...settings, kafka: { admin } as Kafka }, over }
  await resumeForgotten(task, { commit: async () => {} }, context)
}

test('state of another owner, who has begun meanwhile, is not taken for one whose offsets are forgotten', async () => {
  const unread = { ...offset('left'), offset: undefined }
  await expect(resumed([unread])).rejects.toMatchObject({ code: 'KAFKA_FAILED' })
  await expect(resumed([unread, offset('right')])).rejects.toMatchObject({ code: 'KAFKA_FENCED' })
})
