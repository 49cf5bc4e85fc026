import { VirtualTimeScheduler } from 'rxjs'
import { expect, test, vi } from 'vitest'
import { createClock } from '../../src/clock.ts'
import type { Kafka } from '../../src/kafka/types.ts'
import { silentLogger } from '../../src/logger.ts'
import { BytesColumn } from '../../src/records/bytes-column.ts'
import { settingsOf } from '../../src/runtime/environment.ts'
import { type BadRecord, InputQueue } from '../../src/runtime/input-queue.ts'
import type { InputLayout } from '../../src/runtime/layout.ts'
import { PartitionFeed } from '../../src/runtime/partition-feed.ts'
import type { Serde } from '../../src/serdes/serde.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { FakeRegistry, registrySerde, withSchema } from '../support/fake-registry.ts'

function inputOf(value: Serde<unknown>): InputLayout {
  const node = { type: 'topic-source', kind: 'stream', id: 0, name: 'in', global: false, tombstones: false }
  return {
    node: { ...node, topic: {} } as never,
    topic: 'in',
    taskName: 'in',
    partitions: 1,
    key: serdes.string as Serde<unknown>,
    value,
    tombstones: false,
    internal: false,
  }
}

function feedOf(value: Serde<unknown>) {
  const scheduler = new VirtualTimeScheduler()
  const warned: string[] = []
  const told: string[] = []
  const failures: unknown[] = []
  const taken: unknown[] = []
  const bad: BadRecord[] = []
  const input = inputOf(value)
  const queue = new InputQueue(input, 0, 0)
  const feed = new PartitionFeed(input, 0, {
    context: {
      settings: settingsOf({ kafka: {} as Kafka, clock: createClock(scheduler) }),
      logger: { ...silentLogger, warn: (_: object | string, message = '') => warned.push(message) },
      failed: (error) => failures.push(error),
    },
    readers: 1,
    consumer: {
      pause: () => told.push('pause'),
      resume: () => told.push('resume'),
      seek: (_topic, _partition, offset) => told.push(`seek ${offset}`),
    },
  })
  const reader = {
    queues: [queue],
    run() {
      const take = () => queue.takeUpTo(100, (record) => bad.push(record))
      for (let chunk = take(); chunk; chunk = take()) taken.push(...chunk.values)
    },
  }
  feed.attach(reader)
  const push = (fromOffset: number, values: readonly Buffer[], endOffset = 100) => {
    feed.push({
      chunk: {
        topic: 'in',
        partition: 0,
        keys: BytesColumn.of(values.map(() => Buffer.from('k'))),
        values: BytesColumn.of(values),
        timestampsMs: values.map(() => 1),
        offsets: values.map((_, i) => fromOffset + i),
      },
      nextOffset: fromOffset + values.length,
      endOffset,
    })
  }
  return { feed, queue, push, taken, bad, told, warned, failures, scheduler }
}

/** A serde with a schema, and bytes of it. */
function schemas() {
  const registry = new FakeRegistry()
  const [a, b] = [registry.add('a'), registry.add('b')]
  return { registry, serde: registrySerde(registry) as Serde<unknown>, a, b }
}

test('a schema is looked up once, before the chunk reaches a task, and what follows waits for it in order', async () => {
  const { registry, serde, a, b } = schemas()
  const { push, taken, told } = feedOf(serde)
  push(0, [withSchema(a, '0'), withSchema(b, '1')])
  push(2, [withSchema(a, '2')])
  expect(taken).toEqual([])
  await vi.waitFor(() => expect(taken).toEqual(['0', '1', '2']))
  push(3, [withSchema(b, '3')])
  expect(taken).toEqual(['0', '1', '2', '3'])
  expect(registry.asked).toEqual(['schema 1', 'schema 2'])
  expect(told).toEqual(['pause', 'seek 0', 'resume', 'pause', 'resume'])
})

test('while the registry is away the partition is paused, and asked for with backoff; nothing is lost, nothing overtakes', async () => {
  const { registry, serde, a } = schemas()
  const { push, taken, told, warned, queue, scheduler } = feedOf(serde)
  registry.isAway = true
  push(0, [withSchema(a, '0')])
  push(1, [withSchema(a, '1')])
  for (let attempt = 1; attempt <= 3; attempt++) {
    await vi.waitFor(() => expect(warned).toHaveLength(attempt))
    await vi.waitFor(() => expect(scheduler.actions).toHaveLength(1))
    if (attempt === 3) registry.isAway = false
    scheduler.flush()
  }
  await vi.waitFor(() => expect(taken).toEqual(['0', '1']))
  expect(warned[0]).toBe('the serdes of "in" can\'t prepare yet: the registry is away')
  expect(registry.asked).toEqual(Array(4).fill('schema 1'))
  expect(told).toEqual(['pause', 'seek 0', 'resume', 'pause', 'resume'])
  expect(queue.position).toBe(2)
})

test('a task that waits for a registry is not caught up with the partition', () => {
  const { registry, serde, a } = schemas()
  const { push, queue } = feedOf(serde)
  push(0, [], 0)
  expect(queue.caughtUp).toBe(true)
  registry.isAway = true
  push(0, [withSchema(a, '0')], 1)
  expect(queue.caughtUp).toBe(false)
})

test('a schema that the registry does not have makes a dead letter of its records, not of the others', async () => {
  const { serde, a } = schemas()
  const { push, taken, bad } = feedOf(serde)
  push(0, [withSchema(a, '0'), withSchema(77, '1'), withSchema(a, '2')])
  await vi.waitFor(() => expect(taken).toEqual(['0', '2']))
  expect(bad.map(({ index, reason }) => [index, reason])).toEqual([
    [1, 'value: the registry has no schema 77'],
  ])
})

test('what waits when the partition goes away, or reading goes on elsewhere, is not handed over', async () => {
  const { registry, serde, a } = schemas()
  const { feed, push, taken, warned, told } = feedOf(serde)
  registry.isAway = true
  push(0, [withSchema(a, 'old')])
  await vi.waitFor(() => expect(warned).toHaveLength(1))
  registry.isAway = false
  feed.rewind()
  push(0, [withSchema(a, 'anew')])
  await vi.waitFor(() => expect(taken).toEqual(['anew']))
  expect(told.slice(3)).toEqual(['pause', 'seek 0', 'resume', 'pause', 'resume'])
  registry.isAway = true
  push(1, [withSchema(99, 'gone')])
  feed.close()
  await vi.waitFor(() => expect(registry.asked.at(-1)).toBe('schema 99'))
  expect(taken).toEqual(['anew'])
})

test('a serde that throws while it prepares ends the program, with the topic', () => {
  const throwing: Serde<string> = {
    ...serdes.string,
    prepareRead() {
      throw new TypeError('no such method')
    },
  }
  const { push, failures } = feedOf(throwing as Serde<unknown>)
  push(0, [Buffer.from('x')])
  expect(failures).toMatchObject([{ code: 'CALLBACK_FAILED', place: { topic: 'in' } }])
})

test('without anything to prepare no promise is made: all of it is through before the call returns', () => {
  const { serde, a } = schemas()
  const nothing: Serde<unknown> = { ...serde, prepareRead: () => undefined, deserialize: String }
  const promises = vi.spyOn(globalThis, 'Promise')
  try {
    for (const value of [serdes.string as Serde<unknown>, nothing]) {
      const { push, taken, told } = feedOf(value)
      push(0, [Buffer.from('0')])
      push(1, [Buffer.from('1')])
      expect(taken).toEqual(['0', '1'])
      expect(told).toEqual(['pause', 'seek 0', 'resume'])
    }
    expect(promises).not.toHaveBeenCalled()
    feedOf(serde).push(0, [withSchema(a, '0')])
    expect(promises).toHaveBeenCalled()
  } finally {
    promises.mockRestore()
  }
})
