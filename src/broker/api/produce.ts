import type { PartitionLog } from '../log/partition-log.ts'
import { attribute, batchHeaderBytes, readBatchHeader } from '../log/record-batch.ts'
import { errorCodes, KafkaError, type KafkaErrorCode } from '../protocol/error-codes.ts'
import {
  type Api,
  ledLog,
  mapPartitions,
  noThrottleMs,
  readTopics,
  type Services,
  writeTopics,
} from './api.ts'

interface Outcome {
  readonly partition: number
  readonly errorCode: KafkaErrorCode
  readonly baseOffset: number
  readonly appendTimeMs: number
  readonly startOffset: number
  readonly log?: PartitionLog
}

export const produce: Api = {
  name: 'Produce',
  key: 0,
  version: 3,
  // As Kafka 4: librdkafka compresses nothing for a broker that does not say so.
  versionSaid: 0,
  versionMax: 7,
  async serve(reader, services, { version }) {
    const transactionalId = reader.nullableString()
    const acks = reader.int16()
    reader.int32() // How long to wait for replicas: there are none.
    const topics = readTopics(reader, () => ({ partition: reader.int32(), records: reader.nullableBytes() }))

    const outcomes = mapPartitions(topics, ({ partition, records }, topic): Outcome => {
      try {
        if (acks < -1 || acks > 1) throw new KafkaError(errorCodes.invalidRequiredAcks, `acks ${acks}`)
        const log = ledLog(services, topic, partition)
        const bytes = records ?? Buffer.alloc(0)
        checkTransaction(services, transactionalId, log, bytes)
        const appended = log.append(bytes)
        services.faults.written()
        return { partition, errorCode: errorCodes.none, ...appended, startOffset: log.startOffset, log }
      } catch (error) {
        return { ...refused, partition, errorCode: services.faults.codeOf(error) }
      }
    })
    const written = outcomes.flatMap(({ partitions }) => partitions.flatMap(({ log }) => log ?? []))
    let syncError: KafkaErrorCode = errorCodes.none
    try {
      await services.durable(written)
    } catch (error) {
      syncError = services.faults.codeOf(error)
    }
    if (acks === 0) return undefined
    return (writer) => {
      writeTopics(writer, outcomes, ({ partition, errorCode, baseOffset, appendTimeMs, startOffset }) => {
        writer
          .int32(partition)
          .int16(errorCode || syncError)
          .int64(baseOffset)
          .int64(appendTimeMs)
        if (version >= 5) writer.int64(startOffset)
      })
      writer.int32(noThrottleMs)
    }
  },
}

const refused = { baseOffset: -1, appendTimeMs: -1, startOffset: -1 }

function checkTransaction(
  { transactions }: Services,
  transactionalId: string | null,
  { topic, partition }: PartitionLog,
  bytes: Buffer,
): void {
  if (bytes.length < batchHeaderBytes) return // The log says what is wrong with it.
  const { attributes, producerId, producerEpoch } = readBatchHeader(bytes)
  if ((attributes & attribute.transactional) === 0) return
  if (transactionalId === null) {
    throw new KafkaError(errorCodes.invalidTxnState, 'a transactional batch without a transactional id')
  }
  transactions.checkProduce({ transactionalId, producerId, producerEpoch }, { topic, partition })
}
