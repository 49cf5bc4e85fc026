import { kafkaSecurity } from '../app/kafka-security.ts'
import type { kafkaSettings } from '../app/program-settings.ts'
import { flagOf, variableOf } from '../app/read-settings.ts'
import type { ConfigOf } from '../app/setting.ts'
import { RivuletError } from '../errors.ts'
import { connectKafka } from '../kafka/kafka.ts'
import type { Kafka } from '../kafka/types.ts'
import { createLogger } from '../logger.ts'

/** Which Kafka a command works on. */
export type KafkaConfig = ConfigOf<typeof kafkaSettings>

/** Throws `BAD_CONFIG`, with the hint, where no brokers are named: nobody reaches an embedded one from outside. */
export function connect(config: KafkaConfig, hint: string): Kafka {
  const { kafkaBrokers: brokers } = config
  if (!brokers) {
    const message = `say which Kafka, with ${flagOf('kafkaBrokers')} or ${variableOf('kafkaBrokers')}; ${hint}`
    throw new RivuletError('BAD_CONFIG', message)
  }
  const logger = createLogger({ level: 'warn' })
  return connectKafka({ brokers, clientId: 'rivulet', logger, ...kafkaSecurity(config) })
}
