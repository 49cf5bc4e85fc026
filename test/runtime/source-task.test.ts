import { lastValueFrom, NEVER, type Observable, Subject, VirtualTimeScheduler } from 'rxjs'
import { expect, test, vi } from 'vitest'
import { createClock } from '../../src/clock.ts'
import { RivuletError } from '../../src/errors.ts'
import type { Kafka, TopicToEnsure } from '../../src/kafka/types.ts'
import { createTask } from '../../src/runtime/create-task.ts'
import type { Environment } from '../../src/runtime/environment.ts'
import { SourceTask } from '../../src/runtime/source-task.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import type { SourceContext } from '../../src/stream/source.ts'
import { topic } from '../../src/stream/topic.ts'
import { type Declare, topology } from '../../src/stream/topology.ts'
import { heldProducer } from '../support/held-producer.ts'
import { instanceContext } from '../support/instance-context.ts'

const strings = { key: serdes.string, value: serdes.string }

/** A started source of texts, of which Kafka acknowledges nothing by itself. */
async function texts(
  write: (texts: ReturnType<typeof source>) => void,
  environment: Partial<Environment> = {},
  partitionsOf: () => Promise<number> = async () => 1,
) {
  const subject = new Subject<string>()
  const contexts: SourceContext[] = []
  const app = topology('texts', (declare) => {
    write(
      source(declare, (context) => {
        contexts.push(context)
        return contexts.length === 1 ? subject : NEVER
      }),
    )
  })
  const context = await instanceContext(app, environment)
  const ensureTopics = async (topics: readonly TopicToEnsure[]) =>
    new Map(await Promise.all(topics.map(async ({ name }) => [name, await partitionsOf()] as const)))
  // No topic has records yet.
  const admin = { ensureTopics, partitionCounts: async () => new Map() }
  const settings = { ...context.settings, kafka: { admin } as unknown as Kafka }
  const producer = heldProducer()
  const node = app.nodes.find((each) => each.type === 'external-source')
  const [layout] = context.layout.subTopologies
  if (!node || !layout) throw new Error('the topology begins with a source')
  const task = new SourceTask({
    node,
    task: createTask(layout.subTopology, settings, new Map()),
    context: { ...context, settings, producer },
  })
  task.start()
  const [given] = contexts
  if (!given) throw new Error('the source was started')
  return { task, subject, context: given, contexts, sent: producer.sent, failures: context.failures }
}

function source(declare: Declare, begin: (context: SourceContext) => Observable<string>) {
  return declare.source('texts', begin, { key: (text) => text, timestampMs: () => 1 })
}

const toOut = (records: ReturnType<typeof source>) => records.to(topic('out', strings))
const toChosen = (records: ReturnType<typeof source>) => records.to({ topicBy: () => 'chosen', ...strings })

test('a close resolves when Kafka has acknowledged what was taken', async () => {
  const { task, subject, sent } = await texts(toOut)
  subject.next('a')
  let isClosed = false
  const closed = task.close().then(() => {
    isClosed = true
  })
  await new Promise(setImmediate)
  expect([isClosed, task.unacknowledged]).toEqual([false, 1])
  sent[0]?.acknowledge()
  await closed
  expect(task.unacknowledged).toBe(0)
})

test('a close waits also for records whose topic is still asked for its partitions', async () => {
  const answered = new Subject<number>()
  const { task, subject, sent } = await texts(toChosen, {}, () => lastValueFrom(answered))
  subject.next('a')
  const closed = task.close()
  expect(task.unacknowledged).toBe(1)
  answered.next(1)
  answered.complete()
  await vi.waitFor(() => expect(sent).toHaveLength(1))
  let isClosed = false
  void closed.then(() => {
    isClosed = true
  })
  await new Promise(setImmediate)
  expect(isClosed).toBe(false)
  sent[0]?.acknowledge()
  await closed
})

test('a close rejects when Kafka refuses what was taken', async () => {
  const { task, subject, sent } = await texts(toOut)
  subject.next('a')
  const refused = new RivuletError('KAFKA_FAILED', 'too large')
  const closed = expect(task.close()).rejects.toBe(refused)
  sent[0]?.refuse(refused)
  await closed
})

test('a close that is cut short says so', async () => {
  const { task, subject } = await texts(toOut)
  subject.next('a')
  const closed = expect(task.close()).rejects.toMatchObject({ message: 'source "texts" is given up' })
  task.abandon()
  await closed
})

test('a refused record fails the instance once', async () => {
  const { task, subject, sent, failures } = await texts(toOut)
  subject.next('a')
  await vi.waitFor(() => expect(sent).toHaveLength(1))
  const refused = new RivuletError('KAFKA_FAILED', 'too large')
  sent[0]?.refuse(refused)
  await vi.waitFor(() => expect(failures).toEqual([refused]))
  expect(task.state).toBe('stopped')
})

test('a source is asked to pause while few but large records wait for Kafka', async () => {
  const { subject, context, sent } = await texts(toOut, { bytesUnsentMax: 1_000 })
  const paused: boolean[] = []
  context.paused$.subscribe((now) => paused.push(now))
  subject.next('x'.repeat(2_000))
  await vi.waitFor(() => expect(sent).toHaveLength(1))
  subject.next('y')
  expect(paused).toEqual([false, true])
  await vi.waitFor(() => expect(sent).toHaveLength(2))
  for (const { acknowledge } of sent) acknowledge()
  await vi.waitFor(() => expect(paused).toEqual([false, true, false]))
})

test('a source is asked to pause while what it could not decode waits for Kafka', async () => {
  const { context, sent } = await texts(toOut, { sourceRecordsMax: 4 })
  const paused: boolean[] = []
  context.paused$.subscribe((now) => paused.push(now))
  for (let i = 0; i < 2; i++) context.deadLetter({ bytes: Buffer.from('?'), reason: 'why', place: {} })
  expect(paused).toEqual([false, true])
  for (const { acknowledge } of sent) acknowledge()
  await vi.waitFor(() => expect(paused).toEqual([false, true, false]))
})

test('a source that has failed and looks where it was waits until all that it has emitted is there', async () => {
  const scheduler = new VirtualTimeScheduler()
  const { subject, sent, contexts } = await texts(toOut, { clock: createClock(scheduler) })
  subject.next('a')
  scheduler.flush()
  await vi.waitFor(() => expect(sent).toHaveLength(1))
  subject.error(new RivuletError('SOURCE_FAILED', 'it broke', { retryable: true }))
  scheduler.flush()
  expect(contexts).toHaveLength(2)
  let isRead = false
  const read = (async () => {
    for await (const _ of contexts[1]?.tail(topic('out', strings)) ?? []) throw new Error('there is no topic')
    isRead = true
  })()
  await new Promise(setImmediate)
  expect(isRead).toBe(false)
  sent[0]?.acknowledge()
  await read
})
