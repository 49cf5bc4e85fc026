// Writes the contract's records to Apache Kafka, compressed: node platformatic.mjs NODE_MODULES BROKERS
import { createRequire } from 'node:module'
import { records } from './contract.mjs'

const [folder, brokers] = process.argv.slice(2)
const { Producer, stringSerializers } = createRequire(`${folder}/`)('@platformatic/kafka')
const producer = new Producer({
  clientId: 'platformatic',
  bootstrapBrokers: [brokers],
  serializers: stringSerializers,
})
for (const compression of ['gzip', 'snappy', 'lz4', ...(process.versions.node >= '22.15' ? ['zstd'] : [])]) {
  const messages = records.map(({ key, value, timestampMs, headers }) => ({
    topic: `written-${compression}`,
    partition: 0,
    timestamp: BigInt(timestampMs),
    headers,
    ...(key !== null && { key }),
    ...(value !== null && { value }),
  }))
  await producer.send({ messages, compression, acks: -1 })
  process.stdout.write(`${compression}\n`)
}
await producer.close()
