import type { KafkaProducer } from '../kafka/types.ts'
import type { InstanceContext } from './instance-context.ts'
import { positionRecord, positionTopicIn } from './source-position.ts'
import { atLeastOnce } from './task-producer.ts'

/** How what a source emits gets to Kafka. */
export interface SourceProducer {
  /** As `KafkaProducer.send`. */
  send: KafkaProducer['send']
  /** Makes what was sent durable and, with it or after it, the position, where there is one. Rejects with `KAFKA_FENCED` for a source that is another's by now. */
  commit(position: unknown): Promise<void>
  /** What is not committed is given up. */
  close(): Promise<void>
}

/** Made, it has shut out whoever had the source before, where it writes exactly once. */
export async function sourceProducer(context: InstanceContext, source: string): Promise<SourceProducer> {
  const { layout, settings, compression, producer, over } = context
  const topic = positionTopicIn(layout, source)
  const recordOf = (position: unknown) => positionRecord(source, position, settings.clock.now())
  if (settings.processing === 'at-least-once') {
    const { send, commit, close } = atLeastOnce(producer, { commit: async () => {} })
    return {
      send,
      close,
      async commit(position) {
        await commit([])
        if (position !== undefined) await send(topic, 0, recordOf(position))
      },
    }
  }
  const transactions = await settings.kafka.transactionalProducer({
    transactionalId: topic,
    compression,
    transactionTimeoutMs: settings.transactionTimeoutMs,
    signal: over,
  })
  const send: KafkaProducer['send'] = (...of) => transactions.send(...of)
  return {
    send,
    close: () => transactions.close(),
    async commit(position) {
      if (position !== undefined) send(topic, 0, recordOf(position)).catch(() => {}) // then the commit rejects
      await transactions.commit()
    },
  }
}
