import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { createErrorFromCode, type ProtocolRequest } from './internals.ts'
import { topicPartitions } from './topic-partitions.ts'
import type { CommittedOffset, PartitionOffset, TopicPartition } from './types.ts'

/** What kafkajs speaks of these says nothing of leader epochs, and does not ask for offsets that are settled. */

/** With the leader epoch of the record before it; −1: nobody knows. */
export interface OffsetOfEpoch extends PartitionOffset {
  readonly leaderEpoch: number
}

export interface FetchedOffset extends CommittedOffset {
  readonly leaderEpoch: number
}

export interface GroupIdentity {
  readonly groupId: string
  readonly memberId: string
  readonly groupGenerationId: number
}

export interface TransactionIdentity {
  readonly transactionalId: string
  readonly groupId: string
  readonly producerId: string
  readonly producerEpoch: number
}

/** OffsetCommit v6. */
export function offsetCommitRequest(
  { groupId, groupGenerationId, memberId }: GroupIdentity,
  offsets: readonly OffsetOfEpoch[],
): ProtocolRequest<object> {
  const writer = new ByteWriter().string(groupId).int32(groupGenerationId).string(memberId)
  return committing({ apiKey: 8, apiVersion: 6, apiName: 'OffsetCommit' }, writer, offsets)
}

/** TxnOffsetCommit v2. */
export function txnOffsetCommitRequest(
  { transactionalId, groupId, producerId, producerEpoch }: TransactionIdentity,
  offsets: readonly OffsetOfEpoch[],
): ProtocolRequest<object> {
  const writer = new ByteWriter()
    .string(transactionalId)
    .string(groupId)
    .int64(Number(producerId))
    .int16(producerEpoch)
  return committing({ apiKey: 28, apiVersion: 2, apiName: 'TxnOffsetCommit' }, writer, offsets)
}

function committing(
  api: { readonly apiKey: number; readonly apiVersion: number; readonly apiName: string },
  writer: ByteWriter,
  offsets: readonly OffsetOfEpoch[],
): ProtocolRequest<object> {
  const encode = async () =>
    writer
      .array(
        topicPartitions(offsets, (each) => each),
        ({ topic, partitions }) =>
          writer.string(topic).array(partitions, ({ partition, offset, leaderEpoch, metadata }) =>
            writer
              .int32(partition)
              .int64(offset)
              .int32(leaderEpoch)
              .string(metadata ?? null),
          ),
      )
      .finish()
  return {
    request: { ...api, encode },
    response: {
      decode: async (bytes) => {
        const reader = new ByteReader(bytes)
        const clientSideThrottleTime = reader.int32()
        const topics = reader.array(() => {
          reader.string()
          return reader.array(() => ({ partition: reader.int32(), errorCode: reader.int16() }))
        })
        failOnError(topics.flat())
        return { clientSideThrottleTime }
      },
      parse: async (data) => data,
    },
  }
}

/**
 * OffsetFetch v7. With `settled` it fails with `UNSTABLE_OFFSET_COMMIT` while a transaction may still commit one of these
 * offsets: KIP-447.
 */
export function offsetFetchRequest(
  groupId: string,
  partitions: readonly TopicPartition[],
  settled: boolean,
): ProtocolRequest<{ readonly offsets: readonly FetchedOffset[] }> {
  return {
    request: {
      ...{ apiKey: 9, apiVersion: 7, apiName: 'OffsetFetch' },
      encode: async () => {
        const writer = new ByteWriter().noTags().compactString(groupId)
        const topics = topicPartitions(partitions, ({ partition }) => partition)
        writer.compactArray(topics, (each) =>
          writer
            .compactString(each.topic)
            .compactArray(each.partitions, (partition) => writer.int32(partition))
            .noTags(),
        )
        return writer
          .int8(settled ? 1 : 0)
          .noTags()
          .finish()
      },
    },
    response: {
      decode: async (bytes) => decodeOffsets(new ByteReader(bytes)),
      parse: async (data) => data,
    },
  }
}

function decodeOffsets(reader: ByteReader) {
  reader.tags()
  const clientSideThrottleTime = reader.int32()
  const topics = reader.compactArray(() => {
    const topic = reader.compactString()
    const partitions = reader.compactArray(() => {
      const partition = reader.int32()
      const offset = reader.int64()
      const leaderEpoch = reader.int32()
      const metadata = reader.compactString()
      const errorCode = reader.int16()
      reader.tags()
      return { topic, partition, offset: offset < 0 ? undefined : offset, leaderEpoch, metadata, errorCode }
    })
    reader.tags()
    return partitions
  })
  failOnError([{ errorCode: reader.int16() }, ...topics.flat()])
  const offsets = topics.flat().map(({ errorCode: _, ...offset }) => offset)
  return { clientSideThrottleTime, offsets }
}

function failOnError(answers: readonly { readonly errorCode: number }[]): void {
  const failed = answers.find(({ errorCode }) => errorCode !== 0)
  if (failed) throw createErrorFromCode(failed.errorCode)
}
