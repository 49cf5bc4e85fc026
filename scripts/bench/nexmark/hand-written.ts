import { type EachBatchPayload, Kafka, logLevel } from 'kafkajs'
import type { NexmarkEvent } from './events.ts'
import type { NexmarkProgram } from './program.ts'
import { queries } from './queries/queries.ts'
import { plainQueries } from './reference.ts'

/**
 * The query as one would write it without Rivulet: at least once, with its state in Maps that a restart loses. Answers
 * the time from the first records to the acknowledgement of the last results, ms.
 */
export async function runHandWritten(options: NexmarkProgram): Promise<number> {
  const { query, brokers, prefix, application, output, records } = options
  const kafka = new Kafka({ brokers: [...brokers], clientId: 'hand-written', logLevel: logLevel.NOTHING })
  const [consumer, producer] = [
    kafka.consumer({ groupId: application, maxWaitTimeInMs: 100 }),
    kafka.producer(),
  ]
  await Promise.all([consumer.connect(), producer.connect()])
  await consumer.subscribe({
    topics: queries[query].reads.map((kind) => `${prefix}${kind}`),
    fromBeginning: true,
  })
  let results: { key: Buffer; value: string }[] = []
  const take = plainQueries[query]((key, value) => {
    results.push({ key: longOf(key), value: JSON.stringify(value) })
  })
  let seen = 0
  let startedMs: number | undefined
  const done = new Promise<number>((resolve, reject) => {
    const eachBatch = async ({ batch }: EachBatchPayload) => {
      startedMs ??= performance.now()
      for (const { value } of batch.messages)
        take(eventOf(batch.topic.slice(prefix.length), JSON.parse((value as Buffer).toString())))
      const messages = results
      results = []
      if (messages.length > 0) await producer.send({ topic: output, messages })
      seen += batch.messages.length
      if (seen >= records) resolve(performance.now() - startedMs)
    }
    consumer.run({ eachBatch }).catch(reject)
  })
  const elapsedMs = await done
  await consumer.disconnect()
  await producer.disconnect()
  return elapsedMs
}

/** The topic says of which kind it is. */
function eventOf(kind: string, value: unknown): NexmarkEvent {
  return { kind, value } as NexmarkEvent
}

function longOf(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}
