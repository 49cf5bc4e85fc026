import { from } from 'rxjs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { lastHeader } from '../../src/records/chunk.ts'
import type { FailedRecord, FailureOutcome, UnwrittenRecord } from '../../src/runtime/failed-record.ts'
import type { Environment, Processing } from '../../src/runtime/run.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import type { Stream } from '../../src/stream/stream.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'
import { KafkaRig } from '../support/kafka-rig.ts'

const input = topic('in', { key: serdes.string, value: serdes.string })
const output = topic('out', {
  key: serdes.string,
  value: serdes.string,
  config: { 'max.message.bytes': '2000' },
})
const numbers = topic('numbers', { key: serdes.string, value: serdes.long })
const letters = { name: 'in-dead-letters', key: serdes.bytes, value: serdes.bytes }
const header = (value: string): readonly [string, Buffer] => ['trace', Buffer.from(value)]

/** Each fails at the value "bad", in another way. */
const ways: Record<string, (records: Stream<string, string>) => void> = {
  'whose serializer throws': (records) =>
    records.mapValues((value) => (value === 'bad' ? 0.5 : value.length)).to('write', numbers),
  'that is too large for its topic': (records) =>
    records.mapValues((value) => (value === 'bad' ? 'x'.repeat(5_000) : value)).to('write', output),
  'that names a topic that can not be': (records) =>
    records.to('write', { topicBy: (value) => (value === 'bad' ? 'no topic!' : 'out') }),
  'whose partitioner throws': (records) =>
    records.to('write', output, {
      partitioner: (value) => {
        if (value === 'bad') throw new Error('no partition for it')
        return undefined
      },
    }),
  'at which a callback throws': (records) =>
    records
      .mapValues('write', (value) => {
        if (value === 'bad') throw new Error('not this one')
        return value
      })
      .to(output),
}
const appOf = (way: string) => topology('poison', ({ stream }) => ways[way]?.(stream(input)))
const decided = (outcome: FailureOutcome, processing: Processing = 'exactly-once'): Partial<Environment> => ({
  processing,
  onProductionError: () => outcome,
  onCallbackError: () => outcome,
})

let rig: KafkaRig
beforeEach(async () => {
  rig = await KafkaRig.start()
})
afterEach(() => rig.close())

async function produce(...values: readonly string[]): Promise<void> {
  await rig.kafka.admin.ensureTopics([{ name: 'in', partitions: 1 }])
  const producer = rig.kafka.producer()
  await producer.send('in', 0, {
    keys: values.map(() => Buffer.from('k')),
    values: values.map((value) => Buffer.from(value)),
    timestampsMs: values.map((_, i) => i),
    headers: values.map((value) => [header(value)]),
  })
  await producer.close()
}

async function written(): Promise<number> {
  const present = await rig.kafka.admin.partitionCounts(['out', 'numbers'])
  let sum = 0
  for (const name of present.keys())
    sum += (await rig.read({ name, key: serdes.bytes, value: serdes.bytes })).length
  return sum
}

describe.each(Object.keys(ways))('a record %s', (way) => {
  test('ends the program with step and place where nobody decides', async () => {
    await produce('a', 'bad', 'b')
    await expect(rig.run(appOf(way)).done).rejects.toMatchObject({
      place: way.includes('large')
        ? { topic: 'out' }
        : { step: 'write', topic: 'in', partition: 0, offset: 1 },
    })
  })

  test.each(['exactly-once', 'at-least-once'] as const)(
    'is dropped where the handler says so, counted, and the others are written once, %s',
    async (processing) => {
      await produce('a', 'bad', 'b', 'c', 'bad', 'd')
      const running = rig.run(appOf(way), decided('drop', processing))
      await rig.workedOff([running], ['in'])
      expect(await written()).toBe(4)
      expect(running.status().counters).toMatchObject({ dropped: 2, dead_letters: 0 })
    },
  )

  test.each(['exactly-once', 'at-least-once'] as const)(
    'is put among the dead letters as it came, with place, reason, stack hash and its headers, %s',
    async (processing) => {
      await produce('a', 'bad', 'b')
      const running = rig.run(appOf(way), decided('dead-letter', processing))
      await rig.workedOff([running], ['in'])
      const [letter, ...more] = await rig.read(letters)
      expect(more).toEqual([])
      expect([letter?.key?.toString(), letter?.value?.toString()]).toEqual(['k', 'bad'])
      const told = (name: string) => lastHeader(letter?.headers, name)?.toString()
      expect(['trace', 'topic', 'partition', 'offset', 'step'].map(told)).toEqual([
        'bad',
        'in',
        '0',
        '1',
        'write',
      ])
      expect(told('reason')).toBeTruthy()
      expect(told('stack-hash')).toMatch(/^[0-9a-f]{16}$/)
      expect(await written()).toBe(2)
      expect(running.status().counters.dead_letters).toBe(1)
      await running.stop()
      await rig.workedOff([rig.run(appOf(way), decided('dead-letter', processing))], ['in'])
      expect(await rig.read(letters)).toHaveLength(1)
    },
  )

  test('is shown to the handler with its step, place and contents', async () => {
    await produce('a', 'bad', 'b')
    const seen: (FailedRecord | UnwrittenRecord)[] = []
    const handler = (_error: unknown, record: FailedRecord) => {
      seen.push(record)
      return 'drop' as const
    }
    const running = rig.run(appOf(way), { onProductionError: handler, onCallbackError: handler })
    await rig.workedOff([running], ['in'])
    expect(seen).toMatchObject([
      {
        step: 'write',
        topic: 'in',
        partition: 0,
        offset: 1,
        key: 'k',
        timestampMs: 1,
        headers: [header('bad')],
      },
    ])
  })

  test('is a dead letter in the test driver, too', () => {
    if (way.includes('large')) return
    const { onCallbackError, onProductionError } = decided('dead-letter')
    const driver = new TestDriver(appOf(way), {
      ...(onCallbackError && { onCallbackError }),
      ...(onProductionError && { onProductionError }),
    })
    driver.pipe(input, { key: 'k', value: 'a', timestampMs: 1 })
    driver.pipe(input, { key: 'k', value: 'bad', timestampMs: 2, headers: [header('bad')] })
    const [letter] = driver.read('in-dead-letters')
    expect(letter).toMatchObject({ value: Buffer.from('bad'), timestampMs: 2 })
    expect(lastHeader(letter?.headers, 'offset')?.toString()).toBe('1')
    expect(driver.dropped).toBe(1)
  })
})

test('many records that are too large are found one by one among many that are not', async () => {
  const values = Array.from({ length: 3_000 }, (_, i) => (i % 700 === 13 ? 'bad' : `${i}`))
  await produce(...values)
  const running = rig.run(appOf('that is too large for its topic'), decided('dead-letter'))
  await rig.workedOff([running], ['in'])
  const kept = values.filter((value) => value !== 'bad')
  expect((await rig.read(output)).map(({ value }) => value)).toEqual(kept)
  expect(await rig.read(letters)).toHaveLength(values.length - kept.length)
})

test('a record behind a repartition topic has its dead letters beside that', async () => {
  const app = topology('poison', ({ stream }) => {
    ways['whose serializer throws']?.(stream(input).repartition('spread'))
  })
  await produce('a', 'bad', 'b')
  const running = rig.run(app, decided('dead-letter'))
  await rig.workedOff([running], ['in', 'poison-spread-repartition'])
  const [letter] = await rig.read({ ...letters, name: 'poison-spread-repartition-dead-letters' })
  expect(letter?.value?.toString()).toBe('bad')
})

test('what fails behind a source is a dead letter of the source, as text', async () => {
  const app = topology('poison', ({ source }) => {
    source('feed', from(['a', 'bad', 'b']), { key: () => 'k', timestampMs: () => 7 })
      .mapValues('parse', (value) => {
        if (value === 'bad') throw new Error('not this one')
        return value
      })
      .to(output)
  })
  const running = rig.run(app, decided('dead-letter'))
  await expect.poll(() => running.status().counters.dead_letters).toBe(1)
  await running.stop()
  expect((await rig.read(output)).map(({ value }) => value)).toEqual(['a', 'b'])
  const [letter] = await rig.read({ ...letters, name: 'feed-dead-letters' })
  expect(letter?.value?.toString()).toBe('bad')
  expect(lastHeader(letter?.headers, 'step')?.toString()).toBe('parse')
})
