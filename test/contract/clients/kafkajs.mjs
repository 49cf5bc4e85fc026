// The contract, kept by kafkajs: node kafkajs.mjs BROKERS LARGE_FILE
import kafkajs from 'kafkajs'
import { expect, run, startMs } from './contract.mjs'

const { CompressionTypes, Kafka, Partitioners, logLevel } = kafkajs
const [brokers, largePath] = process.argv.slice(2)
const kafka = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 20 } })
const admin = kafka.admin()
await admin.connect()

async function withProducer(options, work) {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, ...options })
  await producer.connect()
  await work(producer).finally(() => producer.disconnect())
}

/** The first `count` messages that a group reads; `then` runs while it still has its partitions. */
async function read(groupId, topic, count, then) {
  const consumer = kafka.consumer({
    groupId,
    maxWaitTimeInMs: 100,
    sessionTimeout: 6_000,
    heartbeatInterval: 500,
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const found = []
  await new Promise((resolve, reject) => {
    consumer.on('consumer.crash', ({ payload }) => reject(payload.error))
    const eachMessage = async ({ message, partition }) => {
      if (found.push({ ...message, partition }) === count) resolve()
    }
    consumer.run({ autoCommit: false, eachMessage }).catch(reject)
  })
  await then?.(consumer)
  await consumer.disconnect()
  return found
}

const create = (topic, numPartitions = 1, config = {}) =>
  admin.createTopics({
    topics: [
      {
        topic,
        numPartitions,
        configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
      },
    ],
  })

await run(
  {
    codecs: ['none', 'gzip'],

    async topics() {
      await create('shown', 2)
      await admin.createPartitions({ topicPartitions: [{ topic: 'shown', count: 3 }] })
      const { topics } = await admin.fetchTopicMetadata({ topics: ['shown'] })
      expect(topics[0].partitions.length === 3, topics)
    },

    async settings() {
      await create('compacted', 1, { 'cleanup.policy': 'compact' })
      const { resources } = await admin.describeConfigs({ resources: [{ type: 2, name: 'compacted' }] })
      const policy = resources[0].configEntries.find(({ configName }) => configName === 'cleanup.policy')
      expect(policy.configValue === 'compact', policy)
    },

    async groups() {
      await create('grouped', 2, { 'retention.ms': '-1' })
      const messages = Array.from({ length: 20 }, (_, i) => ({
        partition: i % 2,
        value: `${i}`,
        timestamp: `${startMs}`,
      }))
      await withProducer({}, (producer) => producer.send({ topic: 'grouped', messages }))
      await read('kafkajs', 'grouped', 20, async (consumer) => {
        await consumer.commitOffsets(
          [0, 1].map((partition) => ({ topic: 'grouped', partition, offset: '10' })),
        )
        const { groups } = await admin.describeGroups(['kafkajs'])
        expect(groups[0].members.length === 1, groups)
      })
      const last = [{ partition: 0, value: 'last', timestamp: `${startMs}` }]
      await withProducer({}, (producer) => producer.send({ topic: 'grouped', messages: last }))
      const [next] = await read('kafkajs', 'grouped', 1)
      expect(String(next.value) === 'last', 'goes on where it was')
      const { groups } = await admin.listGroups()
      expect(
        groups.some(({ groupId }) => groupId === 'kafkajs'),
        groups,
      )
      await admin.deleteGroups(['kafkajs'])
    },

    async 'offsets by time'() {
      await create('timed', 1, { 'retention.ms': '-1' })
      const messages = Array.from({ length: 10 }, (_, i) => ({
        value: `${i}`,
        timestamp: `${startMs + i * 1_000}`,
      }))
      await withProducer({}, (producer) =>
        producer.send({ topic: 'timed', messages, compression: CompressionTypes.GZIP }),
      )
      const [found] = await admin.fetchTopicOffsetsByTimestamp('timed', startMs + 2_500)
      expect(found.offset === '3', found)
    },

    async deletes() {
      await admin.deleteTopicRecords({ topic: 'timed', partitions: [{ partition: 0, offset: '4' }] })
      const [range] = await admin.fetchTopicOffsets('timed')
      expect(range.low === '4' && range.high === '10', range)
      await admin.deleteTopics({ topics: ['timed'] })
      expect(!(await admin.listTopics()).includes('timed'), 'still listed')
    },

    async 'offsets in transactions'() {
      await withProducer(
        { transactionalId: 'offsets', maxInFlightRequests: 1, idempotent: true },
        async (producer) => {
          const transaction = await producer.transaction()
          const topics = [{ topic: 'grouped', partitions: [{ partition: 0, offset: '7' }] }]
          await transaction.sendOffsets({ consumerGroupId: 'in-transactions', topics })
          await transaction.commit()
        },
      )
      const [found] = await admin.fetchOffsets({ groupId: 'in-transactions', topics: ['grouped'] })
      const { offset } = found.partitions.find(({ partition }) => partition === 0)
      expect(offset === '7', found)
    },

    write: (topic, codec, records) =>
      withProducer({}, (producer) =>
        producer.send({
          topic,
          compression: codec === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None,
          messages: records.map(({ timestampMs, ...each }) => ({
            ...each,
            partition: 0,
            timestamp: `${timestampMs}`,
          })),
        }),
      ),

    transactions: (topic, codec) =>
      withProducer({ transactionalId: topic, maxInFlightRequests: 1, idempotent: true }, async (producer) => {
        const compression = codec === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None
        for (const outcome of ['aborted', 'committed', 'aborted', 'committed']) {
          const transaction = await producer.transaction()
          const value = (i) => `${outcome} ${i}`
          const messages = Array.from({ length: 10 }, (_, i) => ({
            key: 'k',
            value: value(i),
            timestamp: `${startMs}`,
          }))
          await transaction.send({ topic, compression, messages })
          await (outcome === 'committed' ? transaction.commit() : transaction.abort())
        }
      }),

    async read(topic, count) {
      const found = await read(`reads-${topic}`, topic, count)
      return found.map(({ key, value, timestamp, headers }) => ({
        key: key?.toString() ?? null,
        value: value?.toString() ?? null,
        timestampMs: Number(timestamp),
        headers: Object.fromEntries(Object.entries(headers).map(([name, each]) => [name, String(each)])),
      }))
    },
  },
  largePath,
)
await admin.disconnect()
