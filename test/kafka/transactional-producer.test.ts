import { firstValueFrom, toArray } from 'rxjs'
import { expect, test } from 'vitest'
import type { Kafka } from '../../src/kafka/kafka.ts'
import { onEachBroker } from './brokers.ts'
import { numbered, records, valuesOf } from './records.ts'

/** What is visible, once the markers of the transactions are written: `endOffset` counts them too. */
async function readTo(kafka: Kafka, topic: string, partition: number, endOffset: number) {
  const fetched = kafka.read(topic, partition, { toOffset: endOffset }).pipe(toArray())
  return valuesOf(await firstValueFrom(fetched))
}

onEachBroker('a transactional producer', (broker) => {
  test('makes records of several partitions and offsets visible together', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka, 2)
    const groupId = broker.name('group')
    const producer = await kafka.transactionalProducer({ transactionalId: broker.name('tx') })
    await Promise.all([
      producer.send(topic, 0, records('a')),
      producer.send(topic, 1, records('b', 'c')),
      producer.sendOffsets(groupId, [{ topic, partition: 0, offset: 5 }]),
    ])
    expect(await kafka.admin.offsets(topic)).toEqual([
      { partition: 0, lowOffset: 0, endOffset: 0 },
      { partition: 1, lowOffset: 0, endOffset: 0 },
    ])
    await producer.commit()
    expect(await readTo(kafka, topic, 0, 2)).toEqual(['a'])
    expect(await readTo(kafka, topic, 1, 3)).toEqual(['b', 'c'])
    expect(await kafka.admin.committedOffsets(groupId, [topic])).toEqual([
      { topic, partition: 0, offset: 5, metadata: '' },
      { topic, partition: 1, offset: undefined, metadata: '' },
    ])
    await producer.close()
  })

  test('commits the offsets of the group that it was made for, also where there are none to commit', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka)
    const groupId = broker.name('group')
    const producer = await kafka.transactionalProducer({ transactionalId: broker.name('tx'), groupId })
    await producer.send(topic, 0, records('without offsets'))
    await producer.commit()
    await producer.send(topic, 0, records('with offsets'))
    await producer.sendOffsets(groupId, [{ topic, partition: 0, offset: 7 }])
    await producer.commit()
    expect(await readTo(kafka, topic, 0, 4)).toEqual(['without offsets', 'with offsets'])
    expect(await kafka.admin.committedOffsets(groupId, [topic])).toMatchObject([{ offset: 7 }])
    await producer.close()
  })

  test('hides what it aborts, between what it commits, and the reader moves on behind the markers', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka)
    const producer = await kafka.transactionalProducer({ transactionalId: broker.name('tx') })
    for (const [value, end] of [
      ['kept 1', 'commit'],
      ['gone 1', 'abort'],
      ['kept 2', 'commit'],
      ['gone 2', 'abort'],
    ] as const) {
      await producer.send(topic, 0, records(value))
      await producer[end]()
    }
    await producer.close()
    const fetched = await firstValueFrom(kafka.read(topic, 0, { toOffset: 8 }).pipe(toArray()))
    expect(valuesOf(fetched)).toEqual(['kept 1', 'kept 2'])
    expect(fetched.at(-1)).toMatchObject({ nextOffset: 8, endOffset: 8 })
  })

  test('shuts out the producer that had the id before, and ends what that one left open', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka)
    const transactionalId = broker.name('tx')
    const old = await kafka.transactionalProducer({ transactionalId })
    await old.send(topic, 0, records('of the old one'))
    const successor = await kafka.transactionalProducer({ transactionalId })
    await expect(old.send(topic, 0, records('too late'))).rejects.toMatchObject({ code: 'KAFKA_FENCED' })
    await expect(old.commit()).rejects.toMatchObject({ code: 'KAFKA_FENCED' })
    await successor.send(topic, 0, records('of the new one'))
    await successor.commit()
    expect(await readTo(kafka, topic, 0, 4)).toEqual(['of the new one'])
    await old.close()
    await successor.close()
  })

  test('commits offsets first thing, and transactions back to back', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka)
    const groupId = broker.name('group')
    const producer = await kafka.transactionalProducer({ transactionalId: broker.name('tx') })
    for (let i = 1; i <= 30; i++) {
      await producer.sendOffsets(groupId, [{ topic, partition: 0, offset: i }])
      await producer.send(topic, 0, numbered(3, `${i}-`))
      await producer.commit()
    }
    expect(await readTo(kafka, topic, 0, 120)).toHaveLength(90)
    expect(await kafka.admin.committedOffsets(groupId, [topic])).toMatchObject([{ offset: 30 }])
    await producer.close()
  })

  test('has nothing to do for an empty transaction', async () => {
    const kafka = broker.connect()
    const producer = await kafka.transactionalProducer({ transactionalId: broker.name('tx') })
    await producer.commit()
    await producer.abort()
    await producer.close()
  })

  test('can only abort when a send failed', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka)
    const producer = await kafka.transactionalProducer({ transactionalId: broker.name('tx') })
    await producer.send(topic, 0, records('fits'))
    const tooLarge = producer.send(topic, 0, records('x'.repeat(2_000_000)))
    await expect(tooLarge).rejects.toMatchObject({ code: 'KAFKA_FAILED', place: { topic, partition: 0 } })
    await expect(producer.commit()).rejects.toMatchObject({ code: 'KAFKA_FAILED' })
    await producer.abort()
    await producer.send(topic, 0, records('after'))
    await producer.commit()
    expect(await readTo(kafka, topic, 0, 4)).toEqual(['after'])
    await producer.close()
  })
})
