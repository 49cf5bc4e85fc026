import { randomUUID } from 'node:crypto'
import {
  type Admin,
  AssignerProtocol,
  CompressionTypes,
  type Consumer,
  type ConsumerConfig,
  Kafka,
  type KafkaMessage,
  logLevel,
  type Message,
  Partitioners,
  type Producer,
  type ProducerConfig,
} from 'kafkajs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'

export interface BrokerUnderTest {
  readonly brokers: string[]
  stop(): Promise<void>
  /** Ends the broker, however it ends worst, and starts it again on what it had kept, at the same address. */
  crashAndRestart?(): Promise<void>
}

type Start = () => Promise<BrokerUnderTest | { readonly unavailable: string }>

const waitMs = 20_000

/** What Rivulet relies on in a Kafka broker, as kafkajs sees it. The same for every broker. */
export function brokerContract(name: string, start: Start): void {
  describe(`broker contract: ${name}`, { timeout: 60_000 }, () => {
    let broker: BrokerUnderTest
    let unavailable: string | undefined
    let kafka: Kafka
    let admin: Admin
    const open: { disconnect(): Promise<void> }[] = []

    beforeAll(async () => {
      const started = await start()
      if ('unavailable' in started) {
        unavailable = started.unavailable
        return
      }
      broker = started
      kafka = new Kafka({
        brokers: broker.brokers,
        logLevel: logLevel.NOTHING,
        retry: { initialRetryTime: 50, retries: 12, maxRetryTime: 1_000 },
      })
      admin = kafka.admin()
      await admin.connect()
    }, 240_000)
    beforeEach((context) => {
      if (unavailable !== undefined) context.skip(unavailable)
    })
    afterEach(async () => {
      await Promise.all(open.splice(0).map((client) => client.disconnect()))
    })
    afterAll(async () => {
      await admin?.disconnect()
      await broker?.stop()
    })

    async function topic(options: { partitions?: number; config?: Record<string, string> } = {}) {
      const made = `contract-${randomUUID()}`
      const configEntries = Object.entries(options.config ?? {}).map(([name, value]) => ({ name, value }))
      const wanted = { topic: made, numPartitions: options.partitions ?? 1, configEntries }
      await admin.createTopics({ topics: [wanted], waitForLeaders: true })
      return made
    }

    async function producer(config: ProducerConfig = {}): Promise<Producer> {
      const made = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, ...config })
      await made.connect()
      open.push(made)
      return made
    }

    async function consumer(config: Partial<ConsumerConfig> = {}): Promise<Consumer> {
      const made = kafka.consumer({
        ...{ groupId: randomUUID(), maxWaitTimeInMs: 100, sessionTimeout: 6_000, heartbeatInterval: 200 },
        ...config,
      })
      await made.connect()
      open.push(made)
      return made
    }

    /** What a new consumer reads, up to and including the first message whose value is `lastValue`. */
    async function readUntil(
      from: string,
      lastValue: string,
      config: Partial<ConsumerConfig> = {},
    ): Promise<(KafkaMessage & { partition: number })[]> {
      const reader = await consumer(config)
      await reader.subscribe({ topic: from, fromBeginning: true })
      const messages: (KafkaMessage & { partition: number })[] = []
      await reader.run({
        eachMessage: async ({ message, partition }) => {
          messages.push({ ...message, partition })
        },
      })
      await vi.waitFor(() => expect(values(messages)).toContain(lastValue), { timeout: waitMs, interval: 10 })
      await reader.disconnect()
      return messages
    }

    describe('topics', () => {
      test('are created with their partitions and settings, and described with them', async () => {
        const made = await topic({
          partitions: 3,
          config: { 'retention.ms': '-1', 'cleanup.policy': 'compact' },
        })
        const { topics } = await admin.fetchTopicMetadata({ topics: [made] })
        expect(topics[0]?.partitions.map((each) => each.partitionId).sort()).toEqual([0, 1, 2])
        const { resources } = await admin.describeConfigs({
          includeSynonyms: false,
          resources: [
            { type: 2, name: made, configNames: ['retention.ms', 'cleanup.policy', 'max.message.bytes'] },
          ],
        })
        const settings = resources[0]?.configEntries.map((each) => [each.configName, each.configValue]).sort()
        expect(settings).toEqual([
          ['cleanup.policy', 'compact'],
          ['max.message.bytes', '1048588'],
          ['retention.ms', '-1'],
        ])
      })

      test('that exist already are not created again', async () => {
        const made = await topic()
        expect(await admin.createTopics({ topics: [{ topic: made }] })).toBe(false)
      })

      const config = (entry: string, value: string) => [{ name: entry, value }]
      for (const [what, wanted, type] of [
        ['an illegal name', { topic: 'not/legal' }, 'INVALID_TOPIC_EXCEPTION'],
        ['no partitions', { numPartitions: 0 }, 'INVALID_PARTITIONS'],
        ['too many replicas', { replicationFactor: 7 }, 'INVALID_REPLICATION_FACTOR'],
        ['an unknown setting', { configEntries: config('no.such.setting', '1') }, 'INVALID_CONFIG'],
        ['a setting out of range', { configEntries: config('cleanup.policy', 'burn') }, 'INVALID_CONFIG'],
      ] as const) {
        test(`with ${what} are refused`, async () => {
          const refused = { topic: randomUUID(), ...wanted }
          const failure = await admin.createTopics({ topics: [refused] }).catch((error: unknown) => error)
          expect(failure).toMatchObject({ errors: [{ type }] })
        })
      }

      test('get more partitions, and never fewer', async () => {
        const made = await topic({ partitions: 2 })
        await admin.createPartitions({ topicPartitions: [{ topic: made, count: 4 }] })
        // Of a real broker the new partitions have their leaders a moment later.
        await vi.waitFor(async () => expect(await admin.fetchTopicOffsets(made)).toHaveLength(4), {
          timeout: waitMs,
        })
        const fewer = admin.createPartitions({ topicPartitions: [{ topic: made, count: 3 }] })
        await expect(fewer).rejects.toMatchObject({ type: 'INVALID_PARTITIONS' })
      })

      test('that are deleted are gone, and made again they are empty', async () => {
        const made = await topic()
        const sender = await producer()
        await sender.send({ topic: made, messages: [{ value: 'old' }] })
        await admin.deleteTopics({ topics: [made] })
        await vi.waitFor(async () => expect(await admin.listTopics()).not.toContain(made), {
          timeout: waitMs,
        })
        // A broker may not have heard of it yet, and kafkajs' own wait for its leaders takes that for the end.
        await admin.createTopics({ topics: [{ topic: made }], waitForLeaders: false })
        const offsets = await vi.waitFor(() => admin.fetchTopicOffsets(made), { timeout: waitMs })
        expect(offsets).toMatchObject([{ low: '0', high: '0' }])
      })

      test('that are missing are said to be', async () => {
        const impatient = new Kafka({
          brokers: broker.brokers,
          logLevel: logLevel.NOTHING,
          retry: { retries: 1, initialRetryTime: 10 },
        })
        const sender = impatient.producer({
          allowAutoTopicCreation: false,
          createPartitioner: Partitioners.DefaultPartitioner,
        })
        await sender.connect()
        open.push(sender)
        const failure = await sender
          .send({ topic: `missing-${randomUUID()}`, messages: [{ value: 'x' }] })
          .catch((error: unknown) => error)
        expect(failure).toMatchObject({ cause: { type: 'UNKNOWN_TOPIC_OR_PARTITION' } })
      })
    })

    describe('records', () => {
      test('come back as they were sent: keys, values, nulls, headers, timestamps, offsets', async () => {
        const made = await topic({ config: { 'retention.ms': '-1' } })
        const sender = await producer()
        const sent: Message[] = [
          { key: 'k', value: 'v', timestamp: '1700000000123', headers: { a: 'x', empty: '' } },
          { key: null, value: 'no key', timestamp: '1700000000001' },
          { key: 'tombstone', value: null, timestamp: '1700000000456' },
          { key: '', value: '', timestamp: '1700000000789' },
          { key: 'naïve ☃', value: Buffer.from([0, 255, 128]), timestamp: '1700000000999' },
          { key: 'last', value: 'last', timestamp: '1700000001000' },
        ]
        await sender.send({ topic: made, messages: sent })
        const got = await readUntil(made, 'last')
        expect(got.map(({ key, value, timestamp, offset }) => ({ key, value, timestamp, offset }))).toEqual(
          sent.map(({ key, value, timestamp }, i) => ({
            key: key == null ? null : Buffer.from(key),
            value: value == null ? null : Buffer.from(value),
            timestamp,
            offset: String(i),
          })),
        )
        expect(got[0]?.headers).toEqual({ a: Buffer.from('x'), empty: Buffer.from('') })
      })

      test('keep their order in each partition, over many sends', async () => {
        const made = await topic({ partitions: 2 })
        const sender = await producer({ maxInFlightRequests: 1 })
        for (let send = 0; send < 20; send++) {
          const messages = Array.from({ length: 50 }, (_, i) => ({
            partition: i % 2,
            value: String(send * 50 + i),
          }))
          await sender.send({ topic: made, messages })
        }
        await sender.send({ topic: made, messages: [{ partition: 0, value: 'end 0' }] })
        await sender.send({ topic: made, messages: [{ partition: 1, value: 'end' }] })
        const got = await readAll(made, ['end 0', 'end'])
        for (const partition of [0, 1]) {
          const numbers = got
            .filter((each) => each.partition === partition)
            .map(({ value }) => Number(value))
            .filter((value) => !Number.isNaN(value))
          expect(numbers).toEqual(Array.from({ length: 500 }, (_, i) => i * 2 + partition))
        }
      })

      test('compressed with gzip come back', async () => {
        const made = await topic()
        const sender = await producer()
        const messages = Array.from({ length: 200 }, (_, i) => ({ key: `k${i % 3}`, value: `value ${i}` }))
        await sender.send({ topic: made, compression: CompressionTypes.GZIP, messages })
        const got = await readUntil(made, 'value 199')
        expect(values(got)).toEqual(messages.map(({ value }) => value))
        expect(got.map(({ offset }) => offset)).toEqual(messages.map((_, i) => String(i)))
      })

      test('that are too large are refused for good', async () => {
        const made = await topic()
        const sender = await producer()
        const large = { value: Buffer.alloc(1_100_000) }
        await expect(sender.send({ topic: made, messages: [large] })).rejects.toMatchObject({
          type: 'MESSAGE_TOO_LARGE',
          retriable: false,
        })
        expect(await admin.fetchTopicOffsets(made)).toMatchObject([{ high: '0' }])
      })

      test('without a key are refused by a compacted topic', async () => {
        const made = await topic({ config: { 'cleanup.policy': 'compact' } })
        const sender = await producer()
        await expect(sender.send({ topic: made, messages: [{ value: 'x' }] })).rejects.toMatchObject({
          type: 'INVALID_RECORD',
        })
        const gzip = { compression: CompressionTypes.GZIP, messages: [{ value: 'x' }] }
        await expect(sender.send({ topic: made, ...gzip })).rejects.toMatchObject({ type: 'INVALID_RECORD' })
        await sender.send({ topic: made, messages: [{ key: 'k', value: 'x' }] })
      })

      test('more than an hour ahead of time are refused', async () => {
        const made = await topic()
        const sender = await producer()
        const timestamp = String(Date.now() + 2 * 3_600_000)
        const ahead = sender.send({ topic: made, messages: [{ value: 'x', timestamp }] })
        await expect(ahead).rejects.toMatchObject({ type: 'INVALID_TIMESTAMP' })
      })

      test('get the time of the broker where the topic says so', async () => {
        const made = await topic({ config: { 'message.timestamp.type': 'LogAppendTime' } })
        const sender = await producer()
        const beforeMs = Date.now()
        await sender.send({ topic: made, messages: [{ value: 'x', timestamp: '1000' }] })
        const [got] = await readUntil(made, 'x')
        expect(Number(got?.timestamp)).toBeGreaterThanOrEqual(beforeMs - 5)
        expect(Number(got?.timestamp)).toBeLessThanOrEqual(Date.now() + 5)
      })

      test('before an offset are deleted on demand, up to all of them', async () => {
        const made = await topic()
        const sender = await producer()
        for (const value of ['0', '1', '2', '3', '4']) {
          await sender.send({ topic: made, messages: [{ value }] })
        }
        const deleteBefore = (offset: string) =>
          admin.deleteTopicRecords({ topic: made, partitions: [{ partition: 0, offset }] })
        await vi.waitFor(() => deleteBefore('3'), { timeout: waitMs })
        expect(await admin.fetchTopicOffsets(made)).toMatchObject([{ low: '3', high: '5' }])
        expect(values(await readUntil(made, '4'))).toEqual(['3', '4'])
        await expect(deleteBefore('99')).rejects.toThrow()
        await deleteBefore('-1')
        expect(await admin.fetchTopicOffsets(made)).toMatchObject([{ low: '5', high: '5' }])
      })

      test('are found by their time', async () => {
        const made = await topic({ config: { 'retention.ms': '-1' } })
        const sender = await producer()
        for (const second of [1, 2, 3, 4]) {
          const messages = [0, 500].map((ms) => ({
            value: 'x',
            timestamp: String(1_700_000_000_000 + second * 1_000 + ms),
          }))
          await sender.send({ topic: made, messages })
        }
        const at = async (timeMs: number) =>
          (await admin.fetchTopicOffsetsByTimestamp(made, timeMs))[0]?.offset
        expect(await at(1_700_000_000_000)).toBe('0')
        expect(await at(1_700_000_002_000)).toBe('2')
        expect(await at(1_700_000_002_001)).toBe('3')
        expect(await at(1_700_000_004_500)).toBe('7')
        expect(await at(1_700_000_009_000)).toBe('8') // kafkajs: none is later, so the end.
      })
    })

    describe('idempotent producers', () => {
      test('write each record once, with many sends under way', async () => {
        const made = await topic({ partitions: 2 })
        const sender = await producer({ idempotent: true, maxInFlightRequests: 5 })
        await Promise.all(
          Array.from({ length: 100 }, (_, i) =>
            sender.send({ topic: made, messages: [{ partition: i % 2, value: String(i) }] }),
          ),
        )
        const offsets = await admin.fetchTopicOffsets(made)
        expect(offsets.map(({ high }) => high)).toEqual(['50', '50'])
      })
    })

    describe('transactions', () => {
      const transactional = (transactionalId = randomUUID(), config: ProducerConfig = {}) =>
        producer({
          ...{ transactionalId, idempotent: true, maxInFlightRequests: 1 },
          retry: { initialRetryTime: 20, retries: 12 },
          ...config,
        })

      test('show all of their records, in all partitions, once they are committed', async () => {
        const made = await topic({ partitions: 2 })
        const sender = await transactional()
        const transaction = await sender.transaction()
        await transaction.send({ topic: made, messages: [{ partition: 0, value: 'a' }] })
        await transaction.send({ topic: made, messages: [{ partition: 1, value: 'b' }] })
        // An open transaction holds the last stable offset back.
        expect((await admin.fetchTopicOffsets(made)).map(({ high }) => high)).toEqual(['0', '0'])
        await transaction.commit()
        const plain = await producer()
        await plain.send({ topic: made, messages: [{ partition: 0, value: 'end' }] })
        await plain.send({ topic: made, messages: [{ partition: 1, value: 'end 1' }] })
        expect(values(await readAll(made, ['end', 'end 1'])).sort()).toEqual(['a', 'b', 'end', 'end 1'])
        // The marker took an offset.
        expect((await admin.fetchTopicOffsets(made)).map(({ high }) => high)).toEqual(['3', '3'])
      })

      test('that are aborted show nothing, but to those who read uncommitted', async () => {
        const made = await topic()
        const sender = await transactional()
        for (const outcome of ['abort', 'commit', 'abort', 'commit'] as const) {
          const transaction = await sender.transaction()
          await transaction.send({
            topic: made,
            messages: [{ value: `${outcome} 1` }, { value: `${outcome} 2` }],
          })
          await transaction[outcome]()
        }
        const plain = await producer()
        await plain.send({ topic: made, messages: [{ value: 'end' }] })
        const committed = ['commit 1', 'commit 2', 'commit 1', 'commit 2', 'end']
        expect(values(await readUntil(made, 'end'))).toEqual(committed)
        const all = await readUntil(made, 'end', { readUncommitted: true })
        expect(values(all)).toHaveLength(9)
      })

      test('hold back what others wrote after they began, until they end', async () => {
        const made = await topic()
        const sender = await transactional()
        const transaction = await sender.transaction()
        await transaction.send({ topic: made, messages: [{ value: 'aborted' }] })
        const plain = await producer()
        await plain.send({ topic: made, messages: [{ value: 'end' }] })
        expect(values(await readUntil(made, 'end', { readUncommitted: true }))).toEqual(['aborted', 'end'])
        expect(await admin.fetchTopicOffsets(made)).toMatchObject([{ high: '0' }])
        await transaction.abort()
        expect(values(await readUntil(made, 'end'))).toEqual(['end'])
      })

      test('fence the producer that had the id before', async () => {
        const made = await topic()
        const id = randomUUID()
        const old = await transactional(id)
        const orphan = await old.transaction()
        await orphan.send({ topic: made, messages: [{ value: 'lost' }] })
        const successor = await transactional(id)
        const transaction = await successor.transaction()
        await transaction.send({ topic: made, messages: [{ value: 'end' }] })
        const fenced = { type: 'INVALID_PRODUCER_EPOCH', code: 47, retriable: false }
        await expect(orphan.send({ topic: made, messages: [{ value: 'zombie' }] })).rejects.toMatchObject(
          fenced,
        )
        await expect(orphan.commit()).rejects.toMatchObject(fenced)
        await transaction.commit()
        expect(values(await readUntil(made, 'end'))).toEqual(['end'])
      })

      test('that stay open for too long are aborted, and their producer is fenced', async () => {
        const made = await topic()
        const sender = await transactional(randomUUID(), { transactionTimeout: 1_000 })
        const transaction = await sender.transaction()
        await transaction.send({ topic: made, messages: [{ value: 'lost' }] })
        const plain = await producer()
        await plain.send({ topic: made, messages: [{ value: 'end' }] })
        expect(values(await readUntil(made, 'end'))).toEqual(['end'])
        await expect(transaction.commit()).rejects.toMatchObject({ type: 'INVALID_PRODUCER_EPOCH', code: 47 })
      })

      test('with a timeout above the limit are refused', async () => {
        const sender = kafka.producer({
          ...{ transactionalId: randomUUID(), idempotent: true, transactionTimeout: 3_600_000 },
          createPartitioner: Partitioners.DefaultPartitioner,
        })
        open.push(sender)
        await sender.connect()
        await expect(sender.transaction()).rejects.toMatchObject({ type: 'INVALID_TRANSACTION_TIMEOUT' })
      })

      test('commit the offsets of a group with their records, or not at all', async () => {
        const made = await topic()
        const groupId = randomUUID()
        const sender = await transactional()
        const committed = async () =>
          (await admin.fetchOffsets({ groupId, topics: [made] }))[0]?.partitions[0]?.offset
        const run = async (offset: string, outcome: 'commit' | 'abort') => {
          const transaction = await sender.transaction()
          await transaction.send({ topic: made, messages: [{ value: offset }] })
          const topics = [{ topic: made, partitions: [{ partition: 0, offset }] }]
          await transaction.sendOffsets({ consumerGroupId: groupId, topics })
          await transaction[outcome]()
        }
        await run('7', 'commit')
        await vi.waitFor(async () => expect(await committed()).toBe('7'), { timeout: waitMs })
        await run('9', 'abort')
        expect(await committed()).toBe('7')
        await run('11', 'commit')
        await vi.waitFor(async () => expect(await committed()).toBe('11'), { timeout: waitMs })
      })
    })

    describe('groups', () => {
      test('go on from their committed offsets', async () => {
        const made = await topic()
        const groupId = randomUUID()
        const sender = await producer()
        await sender.send({ topic: made, messages: [{ value: 'a' }, { value: 'b' }] })
        expect(values(await readUntil(made, 'b', { groupId }))).toEqual(['a', 'b'])
        await sender.send({ topic: made, messages: [{ value: 'c' }] })
        expect(values(await readUntil(made, 'c', { groupId }))).toEqual(['c'])
        const [offsets] = await admin.fetchOffsets({ groupId, topics: [made] })
        expect(offsets?.partitions).toMatchObject([{ partition: 0, offset: '3' }])
      })

      test('share the partitions between two members, and one takes over when the other leaves', async () => {
        const made = await topic({ partitions: 4 })
        const groupId = randomUUID()
        const sender = await producer()
        const got = new Map<string, number[]>()
        const join = async (memberName: string) => {
          const member = await consumer({ groupId })
          got.set(memberName, [])
          await member.subscribe({ topic: made, fromBeginning: true })
          await member.run({
            eachMessage: async ({ message }) => void got.get(memberName)?.push(Number(message.value)),
          })
          return member
        }
        const send = (from: number) =>
          sender.send({
            topic: made,
            messages: Array.from({ length: 40 }, (_, i) => ({ partition: i % 4, value: String(from + i) })),
          })
        const all = () => [...got.values()].flat().sort((a, b) => a - b)
        const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

        await join('first')
        await send(0)
        await vi.waitFor(() => expect(all()).toEqual(upTo(40)), { timeout: waitMs, interval: 20 })
        const second = await join('second')
        await vi.waitFor(async () => expect(await assignedCounts(groupId)).toEqual([2, 2]), {
          timeout: waitMs,
        })
        await send(40)
        await vi.waitFor(() => expect(all()).toEqual(upTo(80)), { timeout: waitMs, interval: 20 })
        expect(got.get('second')).toHaveLength(20)
        await second.disconnect()
        await vi.waitFor(async () => expect(await assignedCounts(groupId)).toEqual([4]), { timeout: waitMs })
        await send(80)
        await vi.waitFor(() => expect(all()).toEqual(upTo(120)), { timeout: waitMs, interval: 20 })
      })

      test('are listed, described, and deleted once they are empty', async () => {
        const made = await topic()
        const groupId = randomUUID()
        const member = await consumer({ groupId })
        await member.subscribe({ topic: made })
        await member.run({ eachMessage: async () => {} })
        await vi.waitFor(async () => expect(await assignedCounts(groupId)).toEqual([1]), { timeout: waitMs })
        expect((await admin.listGroups()).groups).toContainEqual({ groupId, protocolType: 'consumer' })
        const [failure] = await admin.deleteGroups([groupId]).catch((error) => error.groups)
        expect(failure).toMatchObject({ groupId, error: { type: 'NON_EMPTY_GROUP' } })
        await member.disconnect()
        await vi.waitFor(() => admin.deleteGroups([groupId]), { timeout: waitMs })
        expect((await admin.listGroups()).groups.map((each) => each.groupId)).not.toContain(groupId)
        expect((await admin.describeGroups([groupId])).groups[0]?.state).toBe('Dead')
      })

      test('take offsets that are set from outside while they are empty', async () => {
        const made = await topic()
        const groupId = randomUUID()
        const sender = await producer()
        await sender.send({ topic: made, messages: ['0', '1', '2', '3'].map((value) => ({ value })) })
        await admin.setOffsets({ groupId, topic: made, partitions: [{ partition: 0, offset: '2' }] })
        expect(values(await readUntil(made, '3', { groupId }))).toEqual(['2', '3'])
      })

      test('drop a member that is not heard of', async () => {
        const made = await topic({ partitions: 2 })
        const groupId = randomUUID()
        const sender = await producer()
        const alive = await consumer({ groupId })
        const stuck = await consumer({ groupId })
        let release = () => {}
        const released = new Promise<void>((resolve) => {
          release = resolve
        })
        await alive.subscribe({ topic: made, fromBeginning: true })
        await alive.run({ eachMessage: async () => {} })
        await stuck.subscribe({ topic: made, fromBeginning: true })
        // Whoever works on a record sends no heartbeats: as good as a process that hangs.
        await stuck.run({ eachMessage: () => released })
        await vi.waitFor(async () => expect(await assignedCounts(groupId)).toEqual([1, 1]), {
          timeout: waitMs,
        })
        await sender.send({ topic: made, messages: [0, 1].map((partition) => ({ partition, value: 'x' })) })
        await vi.waitFor(async () => expect(await assignedCounts(groupId)).toEqual([2]), { timeout: waitMs })
        release()
      })
    })

    describe('a crash and a restart', () => {
      test('keep records, topics, settings, offsets, transactions and sequences', async (context) => {
        if (!broker.crashAndRestart) context.skip('this broker is not restarted here')
        const made = await topic({ partitions: 2, config: { 'retention.ms': '-1' } })
        const groupId = randomUUID()
        const sender = await producer({ idempotent: true, maxInFlightRequests: 1 })
        const messages = Array.from({ length: 100 }, (_, i) => ({ partition: 0, value: String(i) }))
        await sender.send({ topic: made, messages })
        await sender.send({ topic: made, messages: [{ partition: 0, value: 'before' }] })
        await readUntil(made, 'before', { groupId })
        const transactionalProducer = await producer({
          ...{ transactionalId: randomUUID(), idempotent: true, maxInFlightRequests: 1 },
        })
        const aborted = await transactionalProducer.transaction()
        await aborted.send({ topic: made, messages: [{ partition: 1, value: 'aborted' }] })
        await aborted.abort()
        const across = await transactionalProducer.transaction()
        await across.send({ topic: made, messages: [{ partition: 1, value: 'begun before' }] })

        await broker.crashAndRestart?.()

        // A real broker loads its coordinators for a while, and kafkajs does not retry a commit meanwhile.
        const probe = await producer({ transactionalId: randomUUID(), idempotent: true })
        await vi.waitFor(async () => (await probe.transaction()).abort(), { timeout: waitMs })
        await sender.send({ topic: made, messages: [{ partition: 0, value: 'after' }] })
        await across.send({ topic: made, messages: [{ partition: 1, value: 'ended after' }] })
        await across.commit()
        const got = await readAll(made, ['after', 'ended after'])
        expect(values(got.filter((each) => each.partition === 0))).toEqual([
          ...messages.map(({ value }) => value),
          'before',
          'after',
        ])
        expect(values(got.filter((each) => each.partition === 1))).toEqual(['begun before', 'ended after'])
        expect(values(await readUntil(made, 'after', { groupId }))).not.toContain('before')
      })
    })

    async function readAll(from: string, lastValues: readonly string[]) {
      const reader = await consumer()
      await reader.subscribe({ topic: from, fromBeginning: true })
      const messages: (KafkaMessage & { partition: number })[] = []
      await reader.run({
        eachMessage: async ({ message, partition }) => {
          messages.push({ ...message, partition })
        },
      })
      const expected = expect.arrayContaining([...lastValues])
      await vi.waitFor(() => expect(values(messages)).toEqual(expected), { timeout: waitMs, interval: 10 })
      await reader.disconnect()
      return messages
    }

    /** How many partitions each member of a stable group has, largest first. */
    async function assignedCounts(groupId: string): Promise<number[]> {
      const [group] = (await admin.describeGroups([groupId])).groups
      if (group?.state !== 'Stable') return []
      return group.members
        .map(({ memberAssignment }) => {
          const assignment = AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment ?? {}
          return Object.values(assignment).flat().length
        })
        .sort((a, b) => b - a)
    }
  })
}

function values(messages: readonly KafkaMessage[]): string[] {
  return messages.map(({ value }) => String(value))
}
