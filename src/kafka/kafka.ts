import { systemClock } from '../clock.ts'
import { createLogger } from '../logger.ts'
import { tlsContext } from '../tls.ts'
import { createAdmin } from './admin.ts'
import { createCluster } from './cluster.ts'
import { createConsumer } from './consumer.ts'
import type { KafkaOptions } from './options.ts'
import { createProducer } from './producer.ts'
import { readPartition } from './read.ts'
import { createTransactionalProducer } from './transactional-producer.ts'
import { Trouble } from './trouble.ts'
import type { Kafka } from './types.ts'

export type * from './options.ts'
export { partitionFor } from './partitioner.ts'
export type * from './types.ts'

/**
 * Connects when first used. Throws `BAD_CONFIG` for brokers that are not `host:port`, and for certificates and keys that
 * are none.
 *
 * @example
 * ```ts
 * const kafka = connectKafka({ brokers: ['localhost:9092'], clientId: 'shop' })
 * ```
 */
export function connectKafka(options: KafkaOptions): Kafka {
  const { clock = systemClock, logger = createLogger({ level: 'warn' }), onTrouble, ssl, ...rest } = options
  const trouble = new Trouble({ clock, logger, onTrouble })
  const tls = ssl ? tlsContext(ssl === true ? {} : ssl, 'kafkaSsl') : undefined
  const cluster = createCluster({ ...rest, clock, logger, trouble, tls })
  return {
    admin: createAdmin(cluster),
    producer: (producerOptions) => createProducer(cluster, producerOptions),
    transactionalProducer: (producerOptions) => createTransactionalProducer(cluster, producerOptions),
    consumer: (consumerOptions) => createConsumer(cluster, consumerOptions),
    read: (topic, partition, range) => readPartition(cluster, topic, partition, range),
    close: async () => cluster.close(),
  }
}
