import type {
  Kafka,
  KafkaConsumer,
  KafkaProducer,
  OutgoingRecords,
  PartitionOffset,
  SendResult,
} from '../kafka/types.ts'

/** How the effects of one task get to Kafka. */
export interface TaskProducer {
  send(topic: string, partition: number, records: OutgoingRecords): Promise<SendResult>
  /** Makes what was sent durable and, with it or after it, the offsets. Rejects with `KAFKA_FENCED` for a task that is another's by now. */
  commit(offsets: readonly PartitionOffset[]): Promise<void>
  /** What is not committed is given up. */
  close(): Promise<void>
}

/** A task that commits to the application's group, in transactions of its own. */
export interface TransactionalTask {
  readonly task: string
  readonly application: string
  readonly signal: AbortSignal
}

/** One transaction for each commit: all of it is there, or nothing. Made, it has shut out whoever had the task before. */
export async function exactlyOnce(
  kafka: Kafka,
  { task, application, signal }: TransactionalTask,
): Promise<TaskProducer> {
  const transactionalId = transactionalIdOf(application, task)
  const producer = await kafka.transactionalProducer({ transactionalId, signal })
  return {
    send: (topic, partition, records) => producer.send(topic, partition, records),
    async commit(offsets) {
      if (offsets.length > 0) await producer.sendOffsets(application, offsets)
      await producer.commit()
    },
    close: () => producer.close(),
  }
}

/** Shuts out who works as this task: what it has open is taken back. */
export async function fence(kafka: Kafka, { task, application, signal }: TransactionalTask): Promise<void> {
  const transactionalId = transactionalIdOf(application, task)
  const producer = await kafka.transactionalProducer({ transactionalId, signal })
  await producer.close()
}

function transactionalIdOf(application: string, task: string): string {
  return `${application}-${task}`
}

/** Offsets follow when everything sent is acknowledged: what a crash cuts off in between is done again. */
export function atLeastOnce(producer: KafkaProducer, consumer: Pick<KafkaConsumer, 'commit'>): TaskProducer {
  const pending = new Set<Promise<SendResult>>()
  let failure: { readonly error: unknown } | undefined
  return {
    send(topic, partition, records) {
      const sent = producer.send(topic, partition, records)
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
    async commit(offsets) {
      await Promise.allSettled(pending)
      if (failure) throw failure.error
      await consumer.commit(offsets)
    },
    close: async () => {},
  }
}
