import { firstValueFrom, toArray } from 'rxjs'
import { expect, test } from 'vitest'
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

  test('keeps keys, tombstones, timestamps and headers as they are', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka)
    const producer = kafka.producer()
    await producer.send(topic, 0, {
      keys: [Buffer.from('k'), null, Buffer.alloc(0)],
      values: [null, Buffer.alloc(0), Buffer.from('v'.repeat(70_000))],
      timestampsMs: [1_700_000_000_000, 5, 1_600_000_000_000],
      headers: [undefined, { reason: Buffer.from('why'), empty: Buffer.alloc(0) }, undefined],
    })
    const [fetched] = await firstValueFrom(kafka.read(topic, 0, { toOffset: 3 }).pipe(toArray()))
    expect(fetched).toEqual({
      chunk: {
        topic,
        partition: 0,
        keys: [Buffer.from('k'), null, Buffer.alloc(0)],
        values: [null, Buffer.alloc(0), Buffer.from('v'.repeat(70_000))],
        timestampsMs: [1_700_000_000_000, 5, 1_600_000_000_000],
        offsets: [0, 1, 2],
        headers: [undefined, { reason: Buffer.from('why'), empty: Buffer.alloc(0) }, undefined],
      },
      nextOffset: 3,
      endOffset: 3,
    })
  })
})
