import { expect, test, vi } from 'vitest'
import type {
  Assignor,
  ConsumerEvent,
  Kafka,
  PartitionOffset,
  TopicPartition,
} from '../../src/kafka/kafka.ts'
import { onEachBroker } from './brokers.ts'
import { joinGroup } from './group-recorder.ts'
import { numbered, records } from './records.ts'

const until = <T>(check: () => T) => vi.waitFor(check, { timeout: 20_000, interval: 10 })

async function produce(kafka: Kafka, topic: string, partition: number, ...values: string[]) {
  const producer = kafka.producer()
  await producer.send(topic, partition, records(...values))
  await producer.close()
}

onEachBroker('a consumer', (broker) => {
  test('reads its partitions from the earliest record, and from what it committed when it comes again', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka, 2)
    const groupId = broker.name('group')
    await produce(kafka, topic, 0, 'a', 'b')
    await produce(kafka, topic, 1, 'c')

    const first = joinGroup(kafka, { groupId, topics: [topic] })
    await until(() => expect([...first.values].sort()).toEqual(['a', 'b', 'c']))
    await first.consumer.commit([{ topic, partition: 0, offset: 1, metadata: 'a word' }])
    await first.consumer.close()
    expect(first.state.completed).toBe(true)

    const second = joinGroup(kafka, { groupId, topics: [topic] })
    await until(() => expect([...second.values].sort()).toEqual(['b', 'c']))
    expect(second.events[0]).toEqual({
      type: 'assigned',
      partitions: expect.arrayContaining([
        { topic, partition: 0, committedOffset: 1, committedMetadata: 'a word' },
        { topic, partition: 1, committedOffset: undefined, committedMetadata: '' },
      ]),
    })
    await second.consumer.close()
    expect(await kafka.admin.committedOffsets(groupId, [topic])).toEqual([
      { topic, partition: 0, offset: 1, metadata: 'a word' },
      { topic, partition: 1, offset: undefined, metadata: '' },
    ])
  })

  test('tells the end of an empty partition, so that its reader knows that it has everything', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka)
    const member = joinGroup(kafka, { groupId: broker.name('group'), topics: [topic] })
    const event = await until(() => {
      const found = member.events.find(({ type }) => type === 'fetched')
      if (!found) throw new Error('nothing fetched yet')
      return found
    })
    expect(event).toMatchObject({ chunk: { offsets: [] }, nextOffset: 0, endOffset: 0 })
    await member.consumer.close()
  })

  test('emits nothing of a paused partition, and everything in order when it is resumed', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka, 2)
    const paused = [{ topic, partition: 0 }]
    const member = joinGroup(
      kafka,
      { groupId: broker.name('group'), topics: [topic], partitionFetchBytesMax: 2_000 },
      (event, { consumer }) => {
        if (event.type === 'revoking') event.done()
        // After each chunk it has enough for a while.
        if (event.type === 'fetched' && event.chunk.partition === 0 && event.chunk.offsets.length > 0) {
          consumer.pause(paused)
        }
      },
    )
    const batches = Array.from({ length: 20 }, (_, i) => numbered(50, `${i}-`))
    const producer = kafka.producer()
    for (const batch of batches) await producer.send(topic, 0, batch)
    const chunks = (of: number) =>
      member.events.flatMap((event) =>
        event.type === 'fetched' && event.chunk.partition === of && event.chunk.offsets.length > 0
          ? [[...event.chunk.values].map(String)]
          : [],
      )
    const everything = batches.flatMap(({ values }) => values.map(String))
    for (let seen = 1; ; seen++) {
      await until(() => expect(chunks(0)).toHaveLength(seen))
      // Two round trips of the other partition later, still nothing has come of the paused one.
      for (const value of [`first ${seen}`, `second ${seen}`]) {
        await producer.send(topic, 1, records(value))
        await until(() => expect(member.values).toContain(value))
      }
      expect(chunks(0)).toHaveLength(seen)
      if (chunks(0).flat().length >= everything.length) break
      member.consumer.resume(paused)
    }
    expect(chunks(0).flat()).toEqual(everything)
    expect(chunks(0).length).toBeGreaterThan(5)
    await producer.close()
    await member.consumer.close()
  })

  test('goes to where it is told before the first fetch', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka)
    await produce(kafka, topic, 0, 'a', 'b', 'c', 'd')
    const member = joinGroup(
      kafka,
      { groupId: broker.name('group'), topics: [topic] },
      (event, { consumer }) => {
        if (event.type === 'assigned') consumer.seek(topic, 0, 2)
        if (event.type === 'revoking') event.done()
      },
    )
    await until(() => expect(member.values).toEqual(['c', 'd']))
    member.consumer.seek(topic, 0, 1)
    await until(() => expect(member.values).toEqual(['c', 'd', 'b', 'c', 'd']))
    await member.consumer.close()
  })

  test('throws away what it had asked for when it is told to go elsewhere', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka)
    await produce(kafka, topic, 0, 'a', 'b', 'c')
    const member = joinGroup(kafka, { groupId: broker.name('group'), topics: [topic] })
    // From now on it waits for what comes behind.
    await until(() => expect(member.values).toEqual(['a', 'b', 'c']))
    member.consumer.seek(topic, 0, 1)
    for (const value of ['d', 'e']) {
      await produce(kafka, topic, 0, value)
      await until(() => expect(member.values).toContain(value))
    }
    expect(member.values).toEqual(['a', 'b', 'c', 'b', 'c', 'd', 'e'])
    await member.consumer.close()
  })

  test('throws away what it holds of a paused partition when it is told to go elsewhere', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka, 2)
    const producer = kafka.producer()
    for (let i = 0; i < 10; i++) await producer.send(topic, 0, numbered(50, `${i}-`))
    const paused = [{ topic, partition: 0 }]
    const firstOffsets: (number | undefined)[] = []
    const member = joinGroup(
      kafka,
      { groupId: broker.name('group'), topics: [topic], partitionFetchBytesMax: 2_000 },
      (event, { consumer }) => {
        if (event.type === 'revoking') event.done()
        if (event.type !== 'fetched' || event.chunk.partition !== 0) return
        firstOffsets.push(event.chunk.offsets[0])
        consumer.pause(paused)
      },
    )
    await until(() => expect(firstOffsets).toEqual([0]))
    // By the second round trip of the other partition the fetch that was under way is held.
    for (const value of ['first', 'second']) {
      await producer.send(topic, 1, records(value))
      await until(() => expect(member.values).toContain(value))
    }
    member.consumer.seek(topic, 0, 0)
    member.consumer.resume(paused)
    await until(() => expect(firstOffsets).toHaveLength(2))
    expect(firstOffsets).toEqual([0, 0])
    await producer.close()
    await member.consumer.close()
  })

  test('goes on at the first offset, and says so, when its own was deleted', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka)
    await produce(kafka, topic, 0, 'a', 'b', 'c', 'd')
    await kafka.admin.deleteRecords(topic, 0, 3)
    const member = joinGroup(
      kafka,
      { groupId: broker.name('group'), topics: [topic] },
      (event, { consumer }) => {
        if (event.type === 'assigned') consumer.seek(topic, 0, 1)
        if (event.type === 'revoking') event.done()
      },
    )
    await until(() => expect(member.values).toEqual(['d']))
    expect(member.events).toContainEqual({ type: 'skipped', topic, partition: 0, fromOffset: 1, toOffset: 3 })
    await member.consumer.close()
  })

  test('gives partitions to a second member after it has flushed: each record is processed by one of them', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka, 4)
    const groupId = broker.name('group')
    const partitions = [0, 1, 2, 3]
    /** What was processed, with the member that did it; a record counts only when its offset is committed. */
    const processed: { value: string; member: string }[] = []
    const member = (name: string, client: Kafka) => {
      const next = new Map<number, number>()
      let buffered: { partition: number; values: string[] }[] = []
      const flush = async (of: (partition: number) => boolean, recorder: ReturnType<typeof joinGroup>) => {
        const mine = buffered.filter(({ partition }) => of(partition))
        buffered = buffered.filter(({ partition }) => !of(partition))
        const offsets: PartitionOffset[] = []
        for (const { partition, values } of mine) {
          const offset = (next.get(partition) as number) + values.length
          next.set(partition, offset)
          offsets.push({ topic, partition, offset })
        }
        await recorder.consumer.commit(offsets)
        for (const { values } of mine) processed.push(...values.map((value) => ({ value, member: name })))
      }
      let flushing: Promise<void> = Promise.resolve()
      const recorder: ReturnType<typeof joinGroup> = joinGroup(
        client,
        { groupId, topics: [topic] },
        (event) => {
          if (event.type === 'assigned') {
            for (const { partition, committedOffset } of event.partitions)
              next.set(partition, committedOffset ?? 0)
          }
          if (event.type === 'fetched') {
            const values = [...event.chunk.values].map(String)
            if (values.length > 0) buffered.push({ partition: event.chunk.partition, values })
            // Now and then; much is still buffered when the rebalance comes.
            if (buffered.length > 20) flushing = flushing.then(() => flush(() => true, recorder))
          }
          if (event.type === 'revoking') {
            const going = new Set(event.partitions.map(({ partition }) => partition))
            flushing = flushing
              .then(() => flush((partition) => going.has(partition), recorder))
              .then(event.done)
          }
        },
      )
      return recorder
    }

    const first = member('first', kafka)
    await until(() => expect(first.owned.size).toBe(4))
    const producer = kafka.producer()
    let sent = 0
    const send = async (rounds: number) => {
      for (let round = 0; round < rounds; round++, sent++) {
        await Promise.all(
          partitions.map((partition) => producer.send(topic, partition, records(`${partition}-${sent}`))),
        )
      }
    }
    await send(100)
    const second = member('second', broker.connect())
    await until(async () => {
      await send(1)
      expect(second.owned.size).toBe(2)
      expect(first.owned.size).toBe(2)
    })
    await send(100)
    await until(() => expect(second.values.length).toBeGreaterThan(100))
    await second.consumer.close()
    await until(async () => {
      await send(1)
      expect(first.owned.size).toBe(4)
    })
    await send(20)
    await until(() => {
      for (const partition of partitions) expect(first.values).toContain(`${partition}-${sent - 1}`)
    })
    await first.consumer.close()
    await producer.close()

    const committed = await kafka.admin.committedOffsets(groupId, [topic])
    const total = committed.reduce((sum, { offset }) => sum + (offset ?? 0), 0)
    expect(processed).toHaveLength(total)
    expect(new Set(processed.map(({ value }) => value)).size).toBe(total)
    expect(total).toBe(sent * 4)
    expect(new Set(processed.map((entry) => entry.member))).toEqual(new Set(['first', 'second']))
    // What stayed with the first member was never taken from it.
    const revoked = first.events.flatMap((event) =>
      event.type === 'revoking' ? event.partitions.length : [],
    )
    expect(revoked[0]).toBe(2)
  })

  test('leaves a member with a name of its own what it has, over a restart of which nobody else hears', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka, 4)
    const groupId = broker.name('group')
    const join = (groupInstanceId: string) => joinGroup(kafka, { groupId, topics: [topic], groupInstanceId })
    const first = join('first')
    const second = join('second')
    await until(() => expect([first.owned.size, second.owned.size]).toEqual([2, 2]))
    const [before, heard] = [[...first.owned].sort(), second.events.filter(isOfGroup).length]

    await first.consumer.close()
    expect([...second.owned]).toHaveLength(2)
    const again = join('first')
    await until(() => expect([...again.owned].sort()).toEqual(before))
    expect(second.events.filter(isOfGroup)).toHaveLength(heard)

    // Of two that have the name, the newer one is the member.
    const twin = join('first')
    await until(() => expect([...twin.owned].sort()).toEqual(before))
    await until(() => expect(String(again.state.error)).toContain('FENCED_INSTANCE_ID'))
    for (const { consumer } of [second, twin]) await consumer.close()
  })

  test('refuses to commit for a partition that it gave up', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka, 2)
    const groupId = broker.name('group')
    const first = joinGroup(kafka, { groupId, topics: [topic] })
    await until(() => expect(first.owned.size).toBe(2))
    const second = joinGroup(broker.connect(), { groupId, topics: [topic] })
    await until(() => expect(second.owned.size).toBe(1))
    const moved = [0, 1].find((partition) => second.owned.has(`${topic}/${partition}`)) as number
    await expect(first.consumer.commit([{ topic, partition: moved, offset: 7 }])).rejects.toMatchObject({
      code: 'KAFKA_FENCED',
      place: { topic, partition: moved },
    })
    await first.consumer.commit([{ topic, partition: 1 - moved, offset: 0 }])
    await first.consumer.close()
    await second.consumer.close()
  })

  test('waits for a slow flush before the other member gets the partition', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka, 1)
    const groupId = broker.name('group')
    const toFirst: Assignor = { name: 'by-name', userData: () => Buffer.from('1'), assign: lowest }
    const toZeroth: Assignor = { ...toFirst, userData: () => Buffer.from('0') }
    let release: (() => void) | undefined
    const first = joinGroup(kafka, { groupId, topics: [topic], assignor: toFirst }, (event) => {
      if (event.type === 'revoking') release = event.done
    })
    await until(() => expect(first.owned.size).toBe(1))
    const second = joinGroup(broker.connect(), { groupId, topics: [topic], assignor: toZeroth })
    await until(() => expect(release).toBeDefined())
    // The second one has its (empty) assignment and still has to wait.
    await until(() => expect(second.events.map(({ type }) => type)).toEqual(['assigned']))
    expect(second.owned.size).toBe(0)
    await first.consumer.commit([{ topic, partition: 0, offset: 0 }])
    release?.()
    await until(() => expect(second.owned.size).toBe(1))
    expect(
      second.events.find((event) => event.type === 'assigned' && event.partitions.length > 0),
    ).toMatchObject({
      partitions: [{ committedOffset: 0 }],
    })
    await second.consumer.close()
    await first.consumer.close()
  })

  test('reports as lost what took too long to flush, and moves on', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka, 1)
    const groupId = broker.name('group')
    const first = joinGroup(
      kafka,
      {
        groupId,
        topics: [topic],
        rebalanceTimeoutMs: 500,
        assignor: { name: 'n', userData: () => Buffer.from('1'), assign: lowest },
      },
      () => undefined,
    )
    await until(() => expect(first.owned.size).toBe(1))
    const second = joinGroup(broker.connect(), {
      groupId,
      topics: [topic],
      assignor: { name: 'n', userData: () => Buffer.from('0'), assign: lowest },
    })
    await until(() => expect(second.owned.size).toBe(1))
    expect(first.events).toContainEqual({ type: 'lost', partitions: [{ topic, partition: 0 }] })
    await first.consumer.close()
    await second.consumer.close()
  })
})

/** Everything goes to the member with the lowest user data. */
const lowest: Assignor['assign'] = (members, partitionCounts) => {
  const [winner] = [...members].sort((a, b) => a.userData.compare(b.userData))
  const all: TopicPartition[] = [...partitionCounts].flatMap(([topic, count]) =>
    Array.from({ length: count }, (_, partition) => ({ topic, partition })),
  )
  return new Map(winner ? [[winner.memberId, all]] : [])
}

function isOfGroup({ type }: ConsumerEvent): boolean {
  return type === 'assigned' || type === 'revoking' || type === 'lost'
}
