import { firstValueFrom, toArray } from 'rxjs'
import { expect, test } from 'vitest'
import { compressions } from '../../src/compression/compression.ts'
import { BytesColumn } from '../../src/records/bytes-column.ts'
import type { Headers } from '../../src/records/chunk.ts'
import { onEachBroker } from './brokers.ts'
import { numbered, records, valuesOf } from './records.ts'

onEachBroker('a producer', (broker) => {
  test('appends in order of the calls and answers where', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka)
    const producer = kafka.producer()
    const sent = await Promise.all([
      producer.send(topic, 0, records('a', 'b')),
      producer.send(topic, 0, records('c')),
      producer.send(topic, 0, numbered(2_500)),
      producer.send(topic, 0, records('z')),
    ])
    expect(sent.map(({ baseOffset }) => baseOffset)).toEqual([0, 2, 3, 2503])
    await producer.close()
    const fetched = await firstValueFrom(kafka.read(topic, 0, { toOffset: 2504 }).pipe(toArray()))
    expect(valuesOf(fetched)).toEqual([
      'a',
      'b',
      'c',
      ...Array.from({ length: 2_500 }, (_, i) => `v${i}`),
      'z',
    ])
  })

  test('keeps keys, tombstones, timestamps and headers as they are: repeated, empty, without value', async () => {
    const headers: Headers = [
      ['reason', Buffer.from('why')],
      ['empty', Buffer.alloc(0)],
      ['reason', Buffer.from('again')],
      ['none', null],
      ['__proto__', Buffer.from('p')],
    ]
    const kafka = broker.connect()
    const topic = await broker.topic(kafka)
    const producer = kafka.producer()
    await producer.send(topic, 0, {
      keys: [Buffer.from('k'), null, Buffer.alloc(0)],
      values: [null, Buffer.alloc(0), Buffer.from('v'.repeat(70_000))],
      timestampsMs: [1_700_000_000_000, 5, 1_600_000_000_000],
      headers: [undefined, headers, undefined],
    })
    const [fetched] = await firstValueFrom(kafka.read(topic, 0, { toOffset: 3 }).pipe(toArray()))
    expect(fetched).toEqual({
      chunk: {
        topic,
        partition: 0,
        keys: BytesColumn.of([Buffer.from('k'), null, Buffer.alloc(0)]),
        values: BytesColumn.of([null, Buffer.alloc(0), Buffer.from('v'.repeat(70_000))]),
        timestampsMs: [1_700_000_000_000, 5, 1_600_000_000_000],
        offsets: [0, 1, 2],
        headers: [undefined, headers, undefined],
      },
      nextOffset: 3,
      endOffset: 3,
    })
  })

  test.each(compressions)(
    'compresses with %s what Kafka takes and a reader gets back',
    async (compression) => {
      const kafka = broker.connect()
      const topic = await broker.topic(kafka)
      const producer = kafka.producer({ compression: (name) => (name === topic ? compression : 'none') })
      const sent = {
        keys: [Buffer.from('k'), null, Buffer.from('t')],
        values: [Buffer.from('v'.repeat(70_000)), Buffer.from('no key'), null],
        timestampsMs: [1_700_000_000_000, 5, 1_600_000_000_000],
        headers: [[['h', null] as const], undefined, undefined],
      }
      await producer.send(topic, 0, sent)
      await producer.send(topic, 0, numbered(1_500))
      const fetched = await firstValueFrom(kafka.read(topic, 0, { toOffset: 1_503 }).pipe(toArray()))
      expect(fetched.flatMap(({ chunk }) => [...chunk.values]).slice(0, 3)).toEqual(sent.values)
      expect(fetched.flatMap(({ chunk }) => [...chunk.keys]).slice(0, 3)).toEqual(sent.keys)
      expect(fetched[0]?.chunk.headers?.slice(0, 3)).toEqual(sent.headers)
      expect(valuesOf(fetched).slice(3)).toEqual(Array.from({ length: 1_500 }, (_, i) => `v${i}`))
    },
  )

  test('takes more than the largest message where it is less once it is compressed', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka)
    const large = { ...records('x'), values: [Buffer.alloc(5_000_000, 'abc')] }
    await expect(kafka.producer().send(topic, 0, large)).rejects.toMatchObject({ code: 'KAFKA_FAILED' })
    await kafka.producer({ compression: 'lz4' }).send(topic, 0, large)
    const [fetched] = await firstValueFrom(kafka.read(topic, 0, { toOffset: 1 }).pipe(toArray()))
    expect(fetched?.chunk.values.at(0)?.equals(large.values[0] as Buffer)).toBe(true)
  })

  test('rejects only the call whose records the broker refuses, although it shared a batch with others', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka, 1, { 'cleanup.policy': 'compact' })
    const producer = kafka.producer()
    const keyless = { ...records('no key'), keys: [null] }
    // The first one is on its way alone; the three that queue behind it share a batch.
    const [a, b, refused, c] = await Promise.allSettled([
      producer.send(topic, 0, records('a')),
      producer.send(topic, 0, records('b')),
      producer.send(topic, 0, keyless),
      producer.send(topic, 0, records('c')),
    ])
    expect(refused).toMatchObject({
      status: 'rejected',
      reason: { code: 'KAFKA_FAILED', retryable: false, place: { topic, partition: 0 } },
    })
    expect([a, b, c]).toMatchObject([0, 1, 2].map((baseOffset) => ({ value: { baseOffset } })))
    await producer.close()
  })

  test('tells of each record that the broker refuses, and writes the others in their order', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka, 1, { 'cleanup.policy': 'compact' })
    const producer = kafka.producer()
    const count = 1_500
    const isKeyless = (i: number) => i % 400 === 7 || i === count - 1
    const sent = {
      keys: Array.from({ length: count }, (_, i) => (isKeyless(i) ? null : Buffer.from(`${i}`))),
      values: Array.from({ length: count }, (_, i) => Buffer.from(`${i}`)),
      timestampsMs: Array.from({ length: count }, (_, i) => 1_700_000_000_000 + i),
    }
    const refused: number[] = []
    await Promise.all([
      producer.send(topic, 0, sent, (i) => refused.push(i)),
      producer.send(topic, 0, records('last')),
    ])
    expect(refused).toEqual([7, 407, 807, 1_207, 1_499])
    const fetched = await firstValueFrom(kafka.read(topic, 0, { toOffset: count - 4 }).pipe(toArray()))
    const kept = sent.values.map(String).filter((_, i) => !isKeyless(i))
    expect(valuesOf(fetched)).toEqual([...kept, 'last'])
    await producer.close()
  })

  test('says of a record that lies far ahead that its time, or a clock, is wrong', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka)
    const producer = kafka.producer()
    const ahead = { ...records('a'), timestampsMs: [Date.now() + 2 * 3_600_000] }
    await expect(producer.send(topic, 0, ahead)).rejects.toThrow(/INVALID_TIMESTAMP.* or is a clock wrong\?$/)
    await producer.close()
  })

  test('waits for room when too many bytes are under way, and keeps the order of the calls', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka)
    const producer = kafka.producer({ bytesInFlightMax: 5_000 })
    const calls = Array.from({ length: 40 }, (_, i) =>
      producer.send(topic, 0, records(`${i}${'x'.repeat(1_000)}`)),
    )
    let seenMax = 0
    for (const call of calls) {
      seenMax = Math.max(seenMax, producer.bytesInFlight)
      await call
    }
    await producer.ready()
    expect(seenMax).toBeGreaterThan(4_000)
    expect(seenMax).toBeLessThan(7_000)
    const offsets = (await Promise.all(calls)).map(({ baseOffset }) => baseOffset)
    expect(offsets).toEqual(Array.from({ length: 40 }, (_, i) => i))
    await producer.close()
    await expect(producer.send(topic, 0, records('late'))).rejects.toMatchObject({ code: 'KAFKA_FAILED' })
  })

  test('refuses records that can not be written before they spoil a batch', async () => {
    const producer = broker.connect().producer()
    const place = { topic: 't', partition: 0 }
    const bad = { ...records('a'), timestampsMs: [1.5] }
    await expect(producer.send('t', 0, bad)).rejects.toMatchObject({ code: 'ENCODE_FAILED', place })
    const uneven = { ...records('a'), keys: [] }
    await expect(producer.send('t', 0, uneven)).rejects.toMatchObject({ code: 'ENCODE_FAILED', place })
    await producer.close()
  })
})
