import { Observable } from 'rxjs'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Kafka } from '../../src/kafka/types.ts'
import type { Running } from '../../src/runtime/run.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { KafkaRig } from '../support/kafka-rig.ts'

const words = topic('words', { key: serdes.string, value: serdes.string, partitions: 4 })

/** Its source says in which instance it runs. */
const appOf = (instance: string, ran: string[] = []) =>
  topology('app', ({ source, stream }) => {
    const said = new Observable<string>((subscriber) => {
      ran.push(instance)
      subscriber.next('so')
    })
    source('said', said)
      .map((word) => [word, word])
      .to(words)
    stream(words).groupByKey().count('seen')
  })

const slow = { timeout: 40_000, interval: 20 }

let rig: KafkaRig
beforeEach(async () => {
  rig = await KafkaRig.start()
})
afterEach(() => rig.close())

/** The tasks that it has begun and ended, in order. */
function tasksOf(running: Running): string[] {
  const told: string[] = []
  running.events$.subscribe({
    next: (event) => {
      if (event.type === 'task-started' || event.type === 'task-stopped')
        told.push(`${event.type} ${event.task}`)
    },
    error: () => {},
  })
  return told
}

const inputsOf = (running: Running) => running.status().partitions.map(({ partition }) => partition)

test('an instance that comes again under its name has its tasks and its source back, and none has moved', async () => {
  const ran: string[] = []
  const start = (groupInstanceId: string) => rig.run(appOf(groupInstanceId, ran), { groupInstanceId })
  const first = start('first')
  await vi.waitFor(() => expect(ran).toEqual(['first']), slow)
  const second = start('second')
  const started = tasksOf(second)
  await vi.waitFor(() => expect([inputsOf(first).length, started.length]).toEqual([2, 2]), slow)
  const before = inputsOf(first)

  expect(await first.stop()).toBe('drained')
  const again = start('first')
  await vi.waitFor(() => expect(inputsOf(again)).toEqual(before), slow)
  await vi.waitFor(() => expect(ran).toEqual(['first', 'first']), slow)
  expect(started).toHaveLength(2)
}, 60_000)

test('the timeouts of the environment are those of its groups and its transactions', async () => {
  const asked: unknown[] = []
  const noting = (what: 'consumer' | 'transactionalProducer') => (options: object) => {
    asked.push({ what, ...options })
    return rig.kafka[what](options as never)
  }
  const kafka = {
    ...rig.kafka,
    consumer: noting('consumer'),
    transactionalProducer: noting('transactionalProducer'),
  } as Kafka
  const timeouts = { sessionTimeoutMs: 7_000, rebalanceTimeoutMs: 20_000 }
  const ran: string[] = []
  const running = rig.run(appOf('alone', ran), { kafka, ...timeouts, transactionTimeoutMs: 30_000 })
  await vi.waitFor(() => expect(ran).toEqual(['alone']), slow)
  await rig.workedOff([running], ['words'])
  expect(asked).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ what: 'consumer', groupId: 'app', ...timeouts }),
      expect.objectContaining({ what: 'consumer', groupId: 'app-sources', ...timeouts }),
      expect.objectContaining({
        what: 'transactionalProducer',
        transactionalId: 'app-said-position',
        transactionTimeoutMs: 30_000,
      }),
      expect.objectContaining({
        what: 'transactionalProducer',
        transactionalId: 'app-words_0',
        transactionTimeoutMs: 30_000,
      }),
    ]),
  )
}, 60_000)
