import { lastValueFrom, NEVER, type Observable, Subject, VirtualTimeScheduler } from 'rxjs'
import { expect, test, vi } from 'vitest'
import { createClock } from '../../src/clock.ts'
import { RivuletError } from '../../src/errors.ts'
import type { Kafka, TopicToEnsure } from '../../src/kafka/types.ts'
import { createTask } from '../../src/runtime/create-task.ts'
import type { Environment } from '../../src/runtime/environment.ts'
import type { SourceProducer } from '../../src/runtime/source-producer.ts'
import { SourceTask } from '../../src/runtime/source-task.ts'
import { atLeastOnce } from '../../src/runtime/task-producer.ts'
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
  const held = heldProducer()
  const { send, commit, close } = atLeastOnce(held, { commit: async () => {} })
  const positions: unknown[] = []
  const producer: SourceProducer = {
    send,
    close,
    async commit(position) {
      await commit([])
      positions.push(position)
    },
  }
  const node = app.nodes.find((each) => each.type === 'external-source')
  const [layout] = context.layout.subTopologies
  if (!node || !layout) throw new Error('the topology begins with a source')
  const task = new SourceTask({
    node,
    task: createTask(layout.subTopology, settings, new Map()),
    producer,
    position: undefined,
    context: { ...context, settings },
  })
  task.start()
  const [given] = contexts
  if (!given) throw new Error('the source was started')
  return { task, subject, context: given, contexts, positions, sent: held.sent, failures: context.failures }
}

function source(declare: Declare, begin: (context: SourceContext) => Observable<string>) {
  const position = (text: string) => (text === 'nowhere' ? undefined : `behind ${text}`)
  return declare.source('texts', begin, { key: (text) => text, timestampMs: () => 1, position })
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
  expect([isClosed, task.uncommitted]).toEqual([false, 1])
  sent[0]?.acknowledge()
  await closed
  expect(task.uncommitted).toBe(0)
})

test('a close waits also for records whose topic is still asked for its partitions', async () => {
  const answered = new Subject<number>()
  const { task, subject, sent } = await texts(toChosen, {}, () => lastValueFrom(answered))
  subject.next('a')
  const closed = task.close()
  expect(task.uncommitted).toBe(1)
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
  const message = '1 of what the source "texts" has emitted is not in Kafka: too large'
  const closed = expect(task.close()).rejects.toMatchObject({ code: 'KAFKA_FAILED', cause: refused, message })
  sent[0]?.refuse(refused)
  await closed
})

test('a close that is cut short says so', async () => {
  const { task, subject } = await texts(toOut)
  subject.next('a')
  const closed = expect(task.close()).rejects.toMatchObject({
    message: '1 of what the source "texts" has emitted is not in Kafka: source "texts" is given up',
  })
  void task.abandon()
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
  sent[0]?.acknowledge()
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

/** What `acknowledged$` has said; ends with 'over'. */
function acknowledgementsOf({ acknowledged$ }: SourceContext): (number | 'over')[] {
  const said: (number | 'over')[] = []
  acknowledged$.subscribe({ next: (count) => said.push(count), complete: () => said.push('over') })
  return said
}

test('what comes while a commit is under way is the next one, and each is acknowledged when it is there', async () => {
  const { subject, context, sent } = await texts(toOut)
  const said = acknowledgementsOf(context)
  subject.next('a')
  await vi.waitFor(() => expect(sent).toHaveLength(1))
  subject.next('b')
  subject.next('c')
  await new Promise(setImmediate)
  expect([sent.length, said]).toEqual([1, [0]])
  sent[0]?.acknowledge()
  await vi.waitFor(() => expect(sent.slice(1).flatMap(({ keys }) => keys)).toEqual(['b', 'c']))
  expect(said).toEqual([0, 1])
  for (const { acknowledge } of sent) acknowledge()
  await vi.waitFor(() => expect(said).toEqual([0, 1, 3]))
})

test('commits begin ten milliseconds apart: what comes in between shares one', async () => {
  const scheduler = new VirtualTimeScheduler(undefined, 9)
  const { subject, sent, positions } = await texts(toOut, { clock: createClock(scheduler) })
  for (const text of ['a', 'b', 'c']) {
    subject.next(text)
    scheduler.flush()
    sent[0]?.acknowledge()
    await vi.waitFor(() => expect(positions).toEqual(['behind a']))
  }
  expect(sent).toHaveLength(1)
  scheduler.maxFrames = 10
  scheduler.flush()
  await vi.waitFor(() => expect(sent).toHaveLength(2))
  expect(sent[1]?.keys.map(String)).toEqual(['b', 'c'])
})

test('dead letters are acknowledged in their turn, and what the steps leave out as well', async () => {
  const { subject, context, sent } = await texts((records) =>
    records.filter('kept', (text) => text !== 'left out').to(topic('out', strings)),
  )
  const said = acknowledgementsOf(context)
  subject.next('left out')
  await vi.waitFor(() => expect(said).toEqual([0, 1]))
  subject.next('a')
  // Before that, both may be of one commit.
  await vi.waitFor(() => expect(sent).toHaveLength(1))
  context.deadLetter({ bytes: Buffer.from('?'), reason: 'why', place: {} })
  expect(sent[0]?.topic).toBe('out')
  sent[0]?.acknowledge()
  await vi.waitFor(() => expect(sent).toHaveLength(2))
  expect([sent[1]?.topic, said.at(-1)]).toEqual(['texts-dead-letters', 2])
  sent[1]?.acknowledge()
  await vi.waitFor(() => expect(said.at(-1)).toBe(3))
})

test('a source that is closed hears of its last acknowledgement before it is unsubscribed from', async () => {
  const { task, subject, context, sent } = await texts(toOut)
  const said = acknowledgementsOf(context)
  const paused: boolean[] = []
  context.paused$.subscribe((now) => paused.push(now))
  subject.next('a')
  const closed = task.close()
  subject.next('too late')
  expect([paused, subject.observed]).toEqual([[false, true], true])
  await vi.waitFor(() => expect(sent).toHaveLength(1))
  sent[0]?.acknowledge()
  await closed
  expect([said, subject.observed, sent.length]).toEqual([[0, 1, 'over'], false, 1])
})

test('acknowledgements end without those that a failure has cut off', async () => {
  const { subject, context, sent } = await texts(toOut)
  const said = acknowledgementsOf(context)
  subject.next('a')
  await vi.waitFor(() => expect(sent).toHaveLength(1))
  sent[0]?.refuse(new RivuletError('KAFKA_FAILED', 'too large'))
  await vi.waitFor(() => expect(said).toEqual([0, 'over']))
})

test('what was emitted before a source has failed is not acknowledged to the one that is started again', async () => {
  const scheduler = new VirtualTimeScheduler()
  const { subject, sent, contexts } = await texts(toOut, { clock: createClock(scheduler) })
  subject.next('a')
  scheduler.flush()
  subject.error(new RivuletError('SOURCE_FAILED', 'it broke', { retryable: true }))
  scheduler.flush()
  const [, again] = contexts
  if (!again) throw new Error('it was started again')
  const said = acknowledgementsOf(again)
  expect(said).toEqual([])
  sent[0]?.acknowledge()
  await vi.waitFor(() => expect(said).toEqual([0]))
  expect(again.position).toBe('behind a')
})

test('the position of what was handed over last is committed with it', async () => {
  const { subject, context, sent, positions } = await texts(toOut)
  subject.next('a')
  subject.next('b')
  await vi.waitFor(() => expect(sent).toHaveLength(1))
  sent[0]?.acknowledge()
  await vi.waitFor(() => expect(positions).toEqual(['behind b']))
  subject.next('nowhere')
  await vi.waitFor(() => expect(sent).toHaveLength(2))
  sent[1]?.acknowledge()
  await vi.waitFor(() => expect(positions).toEqual(['behind b', 'behind b']))
  context.deadLetter({ bytes: Buffer.from('?'), reason: 'why', place: {}, position: 'behind ?' })
  await vi.waitFor(() => expect(sent).toHaveLength(3))
  sent[2]?.acknowledge()
  await vi.waitFor(() => expect(positions.at(-1)).toBe('behind ?'))
})
