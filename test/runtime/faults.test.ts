import { firstValueFrom, Subject } from 'rxjs'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { RivuletError } from '../../src/errors.ts'
import type { Kafka, OutgoingRecords } from '../../src/kafka/types.ts'
import { type Headers, lastHeader } from '../../src/records/chunk.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { shape } from '../../src/serdes/shape.ts'
import type { SourceContext } from '../../src/stream/source.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { KafkaRig } from '../support/kafka-rig.ts'

const input = topic('in', { key: serdes.string, value: serdes.long })
const output = topic('out', { key: serdes.string, value: serdes.long })
const deadLetters = {
  name: 'in-dead-letters',
  key: serdes.nullable(serdes.bytes),
  value: serdes.nullable(serdes.bytes),
}

let rig: KafkaRig
beforeEach(async () => {
  rig = await KafkaRig.start()
})
afterEach(() => rig.close())

const doubling = topology('doubling', ({ stream }) => {
  stream(input)
    .mapValues('double', (value) => {
      if (value === 13) throw new Error('unlucky')
      return value * 2
    })
    .to(output)
})

async function produceRaw(values: readonly (Buffer | null)[]): Promise<void> {
  await rig.kafka.admin.ensureTopics([{ name: 'in', partitions: 1 }])
  const producer = rig.kafka.producer()
  await producer.send('in', 0, {
    keys: values.map(() => Buffer.from('k')),
    values,
    timestampsMs: values.map((_, i) => 100 + i),
    headers: values.map((_, i) => (i === 1 ? [['trace', Buffer.from('t1')] as const] : undefined)),
  })
  await producer.close()
}

describe('a record that can not be decoded', () => {
  const bytes = [serdes.long.serialize(1), Buffer.from('oops'), null, serdes.long.serialize(4)]

  test('goes to the dead letters with its bytes, headers, place and reason; the others go on', async () => {
    await produceRaw(bytes)
    const running = rig.run(doubling)
    await rig.workedOff([running], ['in'])
    expect((await rig.read(output)).map(({ value }) => value)).toEqual([2, 8])
    const letters = await rig.read(deadLetters)
    const text = letters.map(({ value, headers }) => ({
      value: value?.toString() ?? null,
      ...Object.fromEntries((headers ?? []).map(([name, content]) => [name, content?.toString()])),
    }))
    expect(text).toEqual([
      {
        value: 'oops',
        trace: 't1',
        topic: 'in',
        partition: '0',
        offset: '1',
        step: 'in',
        reason: 'value: not a long: it has 4 bytes, not 8',
        'stack-hash': expect.stringMatching(/^[0-9a-f]{16}$/),
      },
      {
        value: null,
        topic: 'in',
        partition: '0',
        offset: '2',
        step: 'in',
        reason: 'value: it is null, and long is not nullable',
        'stack-hash': expect.stringMatching(/^[0-9a-f]{16}$/),
      },
    ])
    expect(running.status().counters.dead_letters).toBe(2)
  })

  test('stops the program where it is told so, and says where it lies', async () => {
    await produceRaw(bytes)
    const running = rig.run(doubling, { onDecodeError: 'fail' })
    await expect(running.done).rejects.toMatchObject({
      code: 'DECODE_FAILED',
      place: { topic: 'in', partition: 0, offset: 1 },
    })
  })
})

describe('a record that is nearly as large as Kafka allows', () => {
  const named = topic('in', { key: serdes.string, value: shape({ name: 'string' }) })
  const passing = topology('passing', ({ stream }) => {
    stream(named)
      .mapValues(() => 0)
      .to(output)
  })
  const large = 1_048_450
  const one = (key: Buffer | null, value: Buffer, headers?: Headers): OutgoingRecords => ({
    keys: [key],
    values: [value],
    timestampsMs: [1],
    ...(headers && { headers: [headers] }),
  })

  test.each([
    [
      'of another shape',
      one(Buffer.from('k'), Buffer.from(JSON.stringify({ name: { is: 'A'.repeat(700_000) } }))),
    ],
    ['a value of garbage', one(null, Buffer.alloc(large, 'A'))],
    ['a key and a value of garbage', one(Buffer.alloc(648_450, 0xff), Buffer.alloc(400_000, 'A'))],
    ['garbage with large headers', one(null, Buffer.from('A'), [['trace', Buffer.alloc(large, 'A')]])],
  ])('becomes a dead letter that Kafka takes: %s', async (_, records) => {
    await rig.kafka.admin.ensureTopics([{ name: 'in', partitions: 1 }])
    const producer = rig.kafka.producer()
    await producer.send('in', 0, records)
    await producer.send('in', 0, one(Buffer.from('k'), Buffer.from('{"name":"fine"}')))
    await producer.close()
    const running = rig.run(passing)
    await rig.workedOff([running], ['in'])
    expect(await rig.read(output)).toHaveLength(1)
    const [letter] = await rig.read(deadLetters)
    expect(lastHeader(letter?.headers, 'topic')).toEqual(Buffer.from('in'))
    expect(lastHeader(letter?.headers, 'offset')).toEqual(Buffer.from('0'))
    expect(lastHeader(letter?.headers, 'reason')?.length).toBeLessThan(10_000)
  })

  test('says what was cut off, and keeps the beginning', async () => {
    await rig.kafka.admin.ensureTopics([{ name: 'in', partitions: 1 }])
    const producer = rig.kafka.producer()
    await producer.send('in', 0, one(null, Buffer.alloc(large, 'A')))
    await producer.close()
    await rig.workedOff([rig.run(passing)], ['in'])
    const [letter] = await rig.read(deadLetters)
    expect(lastHeader(letter?.headers, 'cut')?.toString()).toBe(
      `the record is too large for this topic; it is here with the first ${letter?.value?.length} of the ${large} bytes of its value`,
    )
    expect(letter?.value?.length).toBeGreaterThan(900_000)
  })
})

describe('a callback that throws', () => {
  const records = [1, 13, 3].map((value, i) => ({ key: 'k', value, timestampMs: i }))

  test('stops the program with step, topic, partition and offset, and nothing of it is committed', async () => {
    await rig.produce(input, records)
    const running = rig.run(doubling)
    await expect(running.done).rejects.toMatchObject({
      code: 'CALLBACK_FAILED',
      place: { step: 'double', topic: 'in', partition: 0, offset: 1 },
    })
    expect(await rig.read(output)).toEqual([])
  })

  test('leaves the record out where the handler says so, counted', async () => {
    await rig.produce(input, records)
    const running = rig.run(doubling, { onCallbackError: () => 'drop' })
    await rig.workedOff([running], ['in'])
    expect((await rig.read(output)).map(({ value }) => value)).toEqual([2, 6])
    expect(running.status().counters.dropped).toBe(1)
  })
})

describe('state that its changelog would not give back', () => {
  test('stops the program, and says which store and topic', async () => {
    const highest = topology('highest', ({ stream }) => {
      stream(input)
        .groupByKey()
        .aggregate('best', {
          initializer: () => ({ best: Number.NEGATIVE_INFINITY }),
          aggregator: (best) => best,
        })
        .toStream()
        .mapValues(() => 0)
        .to(output)
    })
    await rig.produce(input, [{ key: 'k', value: 1, timestampMs: 0 }])
    const running = rig.run(highest)
    await expect(running.done).rejects.toMatchObject({
      code: 'ENCODE_FAILED',
      message: expect.stringContaining('best is -Infinity'),
      place: { store: 'best', topic: 'highest-best-changelog' },
    })
  })
})

describe('a source', () => {
  const sourceApp = (source: (context: SourceContext) => Subject<number>) =>
    topology('sourcing', (declare) => {
      declare.source('numbers', source, { key: () => 'k', timestampMs: (value) => value }).to(output)
    })

  test('that fails with what may pass is started again', async () => {
    let starts = 0
    const running = rig.run(
      sourceApp(() => {
        const subject = new Subject<number>()
        starts++
        queueMicrotask(() => {
          if (starts === 1) subject.error(new RivuletError('SOURCE_UNREACHABLE', 'gone', { retryable: true }))
          else subject.next(7)
        })
        return subject
      }),
    )
    await vi.waitFor(
      async () => expect((await rig.read(output)).map(({ value }) => value)).toEqual([7]),
      10_000,
    )
    await running.stop()
    expect(starts).toBe(2)
  })

  test('that fails for good ends the program', async () => {
    const subject = new Subject<number>()
    const running = rig.run(sourceApp(() => subject))
    await vi.waitFor(() => expect(subject.observed).toBe(true))
    subject.error(new RivuletError('SOURCE_FAILED', 'no such market'))
    await expect(running.done).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  })

  test('is asked to pause when half of its buffer is full, and fails when it goes on all the same', async () => {
    const subject = new Subject<number>()
    const paused: boolean[] = []
    const running = rig.run(
      sourceApp(({ paused$ }) => {
        paused$.subscribe((now) => paused.push(now))
        return subject
      }),
      { sourceRecordsMax: 100 },
    )
    await vi.waitFor(() => expect(subject.observed).toBe(true))
    for (let i = 0; i < 60; i++) subject.next(i)
    expect(paused).toEqual([false, true])
    await vi.waitFor(() => expect(paused).toEqual([false, true, false]))
    for (let i = 0; i < 101; i++) subject.next(i)
    await expect(running.done).rejects.toMatchObject({ code: 'BUFFER_FULL', place: { step: 'numbers' } })
  })

  test('has everything it emitted in Kafka when the program has stopped, and finds it by reading the tail', async () => {
    const subject = new Subject<number>()
    const first = rig.run(sourceApp(() => subject))
    await vi.waitFor(() => expect(subject.observed).toBe(true))
    for (let i = 0; i < 5_000; i++) subject.next(i)
    await first.stop()
    expect((await rig.read(output)).length).toBe(5_000)
    expect(first.status().nodes).toMatchObject([{ name: 'numbers', total: 5_000 }, { total: 5_000 }])
    const tail: number[] = []
    let isRead = () => {}
    const read = new Promise<void>((resolve) => {
      isRead = resolve
    })
    rig.run(
      sourceApp((context) => {
        const readTail = async () => {
          for await (const { value } of context.tail(output)) {
            tail.push(value)
            if (tail.length === 1_500) break
          }
          isRead()
        }
        void readTail()
        return new Subject<number>()
      }),
    )
    await read
    expect(tail).toEqual(Array.from({ length: 1_500 }, (_, i) => 4_999 - i))
  })

  test('sends what it can not decode to its dead letters, and shows its state', async () => {
    const running = rig.run(
      sourceApp((context) => {
        context.setState('live')
        context.messageReceived()
        context.count('duplicates', 3)
        context.deadLetter({ bytes: Buffer.from('?'), reason: 'not a number', place: { product: 'X' } })
        return new Subject<number>()
      }),
    )
    await running.started
    await vi.waitFor(async () => {
      const letters = await rig.read({ ...deadLetters, name: 'numbers-dead-letters' })
      expect(
        letters.map(({ value, headers }) => [value?.toString(), lastHeader(headers, 'product')?.toString()]),
      ).toEqual([['?', 'X']])
    })
    const { sources, counters } = running.status()
    expect(sources).toMatchObject([{ name: 'numbers', state: 'live', last_message: expect.any(String) }])
    expect(counters).toMatchObject({ duplicates: 3, dead_letters: 1 })
  })
})

/** Kafka that refuses each commit, when it is told to answer. */
function refusing(kafka: Kafka, refused: RivuletError) {
  const asked$ = new Subject<void>()
  const answer$ = new Subject<void>()
  const transactionalProducer: Kafka['transactionalProducer'] = async (options) => {
    const producer = await kafka.transactionalProducer(options)
    return {
      transactionalId: producer.transactionalId,
      send: (...records) => producer.send(...records),
      sendOffsets: (...offsets) => producer.sendOffsets(...offsets),
      async commit() {
        asked$.next()
        await firstValueFrom(answer$)
        throw refused
      },
      abort: () => producer.abort(),
      close: () => producer.close(),
    }
  }
  return { kafka: { ...kafka, transactionalProducer }, asked$, answer$ }
}

describe('a stop', () => {
  const refused = new RivuletError('KAFKA_FAILED', 'not authorized')

  test('says what a source has emitted and Kafka has refused meanwhile', async () => {
    const { kafka, asked$, answer$ } = refusing(rig.kafka, refused)
    const subject = new Subject<number>()
    const app = topology('sourcing', ({ source }) => {
      source('numbers', subject, { key: () => 'k' }).to(output)
    })
    const running = rig.run(app, { kafka })
    await vi.waitFor(() => expect(subject.observed).toBe(true))
    const asked = firstValueFrom(asked$)
    subject.next(1)
    await asked
    subject.next(2)
    const stopped = running.stop()
    answer$.next()
    const failure = {
      code: 'KAFKA_FAILED',
      message: expect.stringMatching(/^2 of what .*"numbers".*: not authorized/),
    }
    await expect(stopped).rejects.toMatchObject(failure)
    await expect(running.done).rejects.toMatchObject(failure)
  })

  test('says that Kafka has refused what a task has processed', async () => {
    const { kafka, asked$, answer$ } = refusing(rig.kafka, refused)
    await rig.produce(input, [{ key: 'k', value: 1, timestampMs: 1 }])
    const running = rig.run(doubling, { kafka })
    await firstValueFrom(asked$)
    const stopped = running.stop()
    answer$.next()
    await expect(stopped).rejects.toBe(refused)
    await expect(running.done).rejects.toBe(refused)
  })
})
