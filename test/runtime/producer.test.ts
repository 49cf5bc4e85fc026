import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { RivuletError } from '../../src/errors.ts'
import { partitionFor } from '../../src/kafka/partitioner.ts'
import type { Kafka, TopicToEnsure } from '../../src/kafka/types.ts'
import type { Headers } from '../../src/records/chunk.ts'
import { type ProducerRecord, producer } from '../../src/runtime/producer.ts'
import type { Serde } from '../../src/serdes/serde.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { heldProducer } from '../support/held-producer.ts'
import { KafkaRig } from '../support/kafka-rig.ts'

const orders = topic('orders', { key: serdes.string, value: serdes.json<{ item: string }>(), partitions: 3 })
const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)

describe('on Kafka', () => {
  let rig: KafkaRig
  beforeEach(async () => {
    rig = await KafkaRig.start()
  })
  afterEach(() => rig.close())

  test('a record is there when its send resolves, where its key says, with the time of the clock', async () => {
    const clock = { ...systemClock, now: () => 1_234 }
    const writer = producer(rig.kafka, orders, { clock })
    for (const key of keys) await writer.send({ key, value: { item: 'book' } })
    await writer.close()
    const written = await rig.read(orders)
    expect(written).toHaveLength(20)
    for (const { key, value, timestampMs, partition } of written) {
      expect(partition).toBe(partitionFor(Buffer.from(key), 3))
      expect([value, timestampMs]).toEqual([{ item: 'book' }, 1_234])
    }
  })

  test("its own time, headers and partition are a record's, and null deletes", async () => {
    const writer = producer(rig.kafka, orders)
    const headers: Headers = [['trace', Buffer.from('t')]]
    await writer.send({ key: 'ann', value: null, timestampMs: 5, headers, partition: 2 })
    await writer.close()
    expect(await rig.read(orders)).toMatchObject([
      { key: 'ann', value: null, timestampMs: 5, headers, partition: 2 },
    ])
  })

  test('sends that nobody waits for keep their order, also those before the topic was there', async () => {
    const writer = producer(rig.kafka, orders)
    const items = Array.from({ length: 100 }, (_, i) => String(i))
    const sent = items.map((item) => writer.send({ key: 'ann', value: { item } }))
    await sent[0]
    const last = writer.send([
      { key: 'ann', value: { item: '100' } },
      { key: 'ann', value: { item: '101' } },
    ])
    await Promise.all([...sent, last])
    await writer.close()
    expect((await rig.read(orders)).map(({ value }) => value.item)).toEqual([...items, '100', '101'])
  })

  test('records without key go to one partition in a call, and to the next in the next', async () => {
    const writer = producer(rig.kafka, topic('orders', { ...orders, key: serdes.nullable(serdes.string) }))
    const keyless = { key: null, value: { item: 'book' } }
    for (let call = 0; call < 3; call++) await writer.send([keyless, keyless])
    await writer.close()
    const offsets = await rig.kafka.admin.offsets('orders')
    expect(offsets.map(({ endOffset }) => endOffset)).toEqual([2, 2, 2])
  })

  test('a topic that is missing is made as it is declared, with the prefix; one that exists keeps its partitions', async () => {
    await rig.kafka.admin.ensureTopics([{ name: 'orders', partitions: 5 }])
    for (const topicPrefix of ['', 'simulated-']) {
      const writer = producer(rig.kafka, orders, { topicPrefix })
      await writer.send({ key: 'k1', value: { item: 'book' }, partition: 2 })
      await writer.close()
    }
    const counts = await rig.kafka.admin.partitionCounts(['orders', 'simulated-orders'])
    expect(Object.fromEntries(counts)).toEqual({ orders: 5, 'simulated-orders': 3 })
  })

  test('a record that can not be written is refused with its place, and all that was sent with it', async () => {
    const writer = producer(rig.kafka, orders)
    const good = { key: 'ann', value: { item: 'book' } }
    const refused = (bad: Partial<ProducerRecord<string, { item: string }>>) =>
      expect(writer.send([good, { ...good, ...bad }])).rejects.toMatchObject({
        code: 'ENCODE_FAILED',
        place: { topic: 'orders' },
      })
    await refused({ partition: 3 })
    await refused({ partition: -1 })
    await refused({ timestampMs: 0.5 })
    const unwritable = producer(rig.kafka, topic('orders', { ...orders, value: serdes.long }))
    await expect(unwritable.send({ key: 'ann', value: 0.5 })).rejects.toMatchObject({
      code: 'ENCODE_FAILED',
      message: expect.stringContaining('record 0 for "orders"'),
    })
    await Promise.all([writer.close(), unwritable.close()])
    expect(await rig.read(orders)).toEqual([])
  })
})

/** Of which Kafka acknowledges nothing by itself. */
function held({ recordsUnsentMax = 20_000, value = serdes.string as Serde<string> } = {}) {
  const kafkaProducer = heldProducer()
  const ensured: string[] = []
  const failures: Error[] = []
  const ensureTopics = async (topics: readonly TopicToEnsure[]) => {
    const failure = failures.shift()
    if (failure) throw failure
    ensured.push(...topics.map(({ name }) => name))
    return new Map(topics.map(({ name, partitions }) => [name, partitions]))
  }
  const kafka = { admin: { ensureTopics }, producer: () => kafkaProducer } as unknown as Kafka
  const writer = producer(kafka, topic('texts', { key: serdes.string, value }), { recordsUnsentMax })
  return { writer, sent: kafkaProducer.sent, ensured, failures }
}

const record = { key: 'k', value: 'v' }
const turn = () => new Promise(setImmediate)

test('too many records that wait are refused; there is room again when they are acknowledged', async () => {
  const { writer, sent } = held({ recordsUnsentMax: 2 })
  const first = writer.send([record, record, record])
  await expect(writer.send(record)).rejects.toMatchObject({
    code: 'BUFFER_FULL',
    retryable: true,
    place: { topic: 'texts' },
  })
  await turn()
  sent[0]?.acknowledge()
  await first
  const second = writer.send(record)
  await turn()
  sent[1]?.acknowledge()
  await second
})

test('what Kafka refuses rejects its send only', async () => {
  const { writer, sent } = held()
  const sends = Promise.allSettled([writer.send(record), writer.send(record)])
  await turn()
  const refused = new RivuletError('KAFKA_FAILED', 'too large')
  sent[0]?.refuse(refused)
  sent[1]?.acknowledge()
  expect(await sends).toEqual([
    { status: 'rejected', reason: refused },
    { status: 'fulfilled', value: undefined },
  ])
})

test('a topic that can not be made rejects the send, and the next one tries again', async () => {
  const { writer, sent, ensured, failures } = held()
  const failure = new RivuletError('KAFKA_FAILED', 'not allowed')
  failures.push(failure)
  await expect(writer.send(record)).rejects.toBe(failure)
  const again = writer.send(record)
  await turn()
  sent[0]?.acknowledge()
  await again
  const asked = writer.send(record)
  await turn()
  sent[1]?.acknowledge()
  await asked
  expect(ensured).toEqual(['texts'])
})

test('serdes are prepared before the first record; one that can not be says so, and may be tried again', async () => {
  let isAway = true
  const value: Serde<string> = {
    ...serdes.string,
    prepareWrite: async () => {
      if (isAway) throw new Error('the registry is away')
    },
  }
  const { writer, sent } = held({ value })
  await expect(writer.send(record)).rejects.toMatchObject({ code: 'ENCODE_FAILED', retryable: true })
  isAway = false
  const again = writer.send(record)
  await turn()
  expect(sent).toHaveLength(1)
  sent[0]?.acknowledge()
  await again
})

test('a close waits for what was sent, and takes nothing more', async () => {
  const { writer, sent } = held()
  const first = writer.send(record)
  let isClosed = false
  const closing = writer.close().then(() => {
    isClosed = true
  })
  await expect(writer.send(record)).rejects.toMatchObject({ code: 'KAFKA_FAILED', place: { topic: 'texts' } })
  await turn()
  expect([isClosed, sent.length]).toEqual([false, 1])
  sent[0]?.acknowledge()
  await Promise.all([first, closing])
})

test('keys and values have the types of the topic', () => {
  const { writer } = held()
  expectTypeOf(writer.send)
    .parameter(0)
    .exclude<readonly unknown[]>()
    .toEqualTypeOf<ProducerRecord<string, string>>()
  // @ts-expect-error a key is a text
  const wrongKey: Parameters<typeof writer.send>[0] = { key: 1, value: 'v' }
  // @ts-expect-error a value is a text
  const wrongValue: Parameters<typeof writer.send>[0] = { key: 'k', value: 1 }
  expect([wrongKey, wrongValue]).toHaveLength(2)
})
