import type {
  Kafka,
  KafkaConsumer,
  KafkaProducer,
  PartitionOffset,
  SendResult,
  TransactionalProducerOptions,
} from '../kafka/types.ts'
import type { Layout } from './layout.ts'

/** How the effects of one task get to Kafka. */
export interface TaskProducer {
  /** As `KafkaProducer.send`. */
  send: KafkaProducer['send']
  /**
   * Makes what was sent durable and, with it or after it, the offsets; nothing of it, where `checked` rejects. Rejects with
   * `KAFKA_FENCED` for a task that is another's by now.
   */
  commit(offsets: readonly PartitionOffset[], checked?: Promise<unknown>): Promise<void>
  /** What is not committed is given up. */
  close(): Promise<void>
}

/** One transaction for each commit: all of it is there, or nothing. Made, it has shut out whoever had the task before. */
export async function exactlyOnce(
  kafka: Kafka,
  options: TransactionalProducerOptions & { readonly groupId: string },
): Promise<TaskProducer> {
  const producer = await kafka.transactionalProducer(options)
  return {
    send: (topic, partition, records, refused) => producer.send(topic, partition, records, refused),
    async commit(offsets, checked) {
      if (offsets.length > 0) await producer.sendOffsets(options.groupId, offsets)
      await checked
      await producer.commit()
    },
    close: () => producer.close(),
  }
}

/** Shuts out who has the id: what it has open is taken back. */
export async function fence(kafka: Kafka, options: TransactionalProducerOptions): Promise<void> {
  const producer = await kafka.transactionalProducer(options)
  await producer.close()
}

/** Of a task, in whatever version of the application. */
export function transactionalIdOf({ application }: Pick<Layout, 'application'>, task: string): string {
  return `${application}-${task}`
}

/** Offsets follow when everything sent is acknowledged: what a crash cuts off in between is done again. */
export function atLeastOnce(producer: KafkaProducer, consumer: Pick<KafkaConsumer, 'commit'>): TaskProducer {
  const pending = new Set<Promise<SendResult>>()
  let failure: { readonly error: unknown } | undefined
  return {
    send(topic, partition, records, refused) {
      const sent = producer.send(topic, partition, records, refused)
      pending.add(sent)
      sent.then(
        () => pending.delete(sent),
        (error) => {
          pending.delete(sent)
          failure ??= { error }
        },
      )
      return sent
    },
    async commit(offsets, checked) {
      await Promise.allSettled(pending)
      if (failure) throw failure.error
      await checked
      await consumer.commit(offsets)
    },
    close: async () => {},
  }
}
