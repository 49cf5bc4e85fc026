import { firstValueFrom, take, toArray } from 'rxjs'
import { expect, test, vi } from 'vitest'
import type { Fetched } from '../../src/kafka/kafka.ts'
import { onEachBroker } from './brokers.ts'
import { numbered, records, valuesOf } from './records.ts'

onEachBroker('reading one partition', (broker) => {
  test('completes at the end of the range, in the middle of a batch too', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka)
    const producer = kafka.producer()
    await producer.send(topic, 0, numbered(100))
    const fetched = await firstValueFrom(
      kafka.read(topic, 0, { fromOffset: 40, toOffset: 43 }).pipe(toArray()),
    )
    expect(valuesOf(fetched)).toEqual(['v40', 'v41', 'v42'])
    expect(fetched.at(-1)).toMatchObject({ nextOffset: 43, endOffset: 100 })
    await producer.close()
  })

  test('completes at once for an empty range, and for one whose records are deleted', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka)
    const producer = kafka.producer()
    await producer.send(topic, 0, numbered(10))
    await kafka.admin.deleteRecords(topic, 0, 8)
    const read = (fromOffset: number, toOffset: number) =>
      firstValueFrom(kafka.read(topic, 0, { fromOffset, toOffset }).pipe(toArray()))
    expect(await read(5, 5)).toEqual([])
    expect(valuesOf(await read(2, 6))).toEqual([])
    expect(valuesOf(await read(2, 9))).toEqual(['v8'])
    await producer.close()
  })

  test('follows for ever, until it is unsubscribed, and leaves no group behind', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka)
    const producer = kafka.producer()
    const seen: Fetched[] = []
    const subscription = kafka
      .read(topic, 0, { toOffset: 'follow' })
      .subscribe((fetched) => seen.push(fetched))
    await vi.waitFor(() => expect(seen).toHaveLength(1))
    expect(seen[0]).toMatchObject({ nextOffset: 0, endOffset: 0 })
    for (const value of ['a', 'b']) {
      await producer.send(topic, 0, records(value))
      await vi.waitFor(() => expect(valuesOf(seen)).toContain(value))
    }
    subscription.unsubscribe()
    await producer.send(topic, 0, records('c'))
    const again = await firstValueFrom(kafka.read(topic, 0, { toOffset: 'follow' }).pipe(take(1)))
    expect(valuesOf([again])).toEqual(['a', 'b', 'c'])
    expect(valuesOf(seen)).toEqual(['a', 'b'])
    await producer.close()
  })

  test('reads several megabytes in chunks, without gap or repetition', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka)
    const producer = kafka.producer()
    const padding = 'x'.repeat(500)
    for (let i = 0; i < 10; i++) await producer.send(topic, 0, numbered(1_000, `${padding}${i}-`))
    const fetched = await firstValueFrom(kafka.read(topic, 0, { toOffset: 10_000 }).pipe(toArray()))
    expect(fetched.flatMap(({ chunk }) => chunk.offsets)).toEqual(Array.from({ length: 10_000 }, (_, i) => i))
    expect(fetched.length).toBeGreaterThan(3)
    await producer.close()
  })
})
