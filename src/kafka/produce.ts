import { ByteReader } from './byte-reader.ts'
import { createErrorFromCode, type ProtocolRequest } from './internals.ts'
import type { TopicPartition } from './types.ts'

const produceKey = 0
/** How long the leader waits for its replicas. */
const replicationTimeoutMs = 10_000

/**
 * Produce v7 for one partition, acknowledged by all in-sync replicas: one that covers partitions of several brokers
 * would lose acknowledged records when a leader moves. Answers the base offset; −1 if the broker had the batch already
 * and no longer knows where.
 */
export function produceRequest(
  { topic, partition }: TopicPartition,
  batch: Buffer,
  transactionalId: string | null,
): ProtocolRequest<{ readonly baseOffset: number; readonly errorCode: number }> {
  return {
    request: {
      apiKey: produceKey,
      apiVersion: 7,
      apiName: 'Produce',
      encode: async () => {
        const id = Buffer.from(transactionalId ?? '')
        const name = Buffer.from(topic)
        const header = Buffer.alloc(2 + id.length + 2 + 4 + 4 + 2 + name.length + 4 + 4 + 4)
        let at = header.writeInt16BE(transactionalId === null ? -1 : id.length)
        at += id.copy(header, at)
        at = header.writeInt16BE(-1, at) // all in-sync replicas
        at = header.writeInt32BE(replicationTimeoutMs, at)
        at = header.writeInt32BE(1, at)
        at = header.writeInt16BE(name.length, at)
        at += name.copy(header, at)
        at = header.writeInt32BE(1, at)
        at = header.writeInt32BE(partition, at)
        header.writeInt32BE(batch.length, at)
        const buffer = Buffer.concat([header, batch])
        return { buf: buffer, buffer }
      },
    },
    response: {
      decode: async (bytes) => decode(bytes, topic, partition),
      parse: async (data) => {
        if (data.errorCode !== 0) throw createErrorFromCode(data.errorCode)
        return data
      },
    },
    logResponseError: false,
  }
}

function decode(bytes: Buffer, topic: string, partition: number) {
  const reader = new ByteReader(bytes)
  const answers = reader.array(() => {
    const name = reader.string()
    const partitions = reader.array(() => {
      const answer = { partition: reader.int32(), errorCode: reader.int16(), baseOffset: reader.int64() }
      reader.int64() // log append time
      reader.int64() // log start offset
      return answer
    })
    return { name, partitions }
  })
  const answer = answers
    .find(({ name }) => name === topic)
    ?.partitions.find((entry) => entry.partition === partition)
  // An answer that leaves the partition out says nothing about it: the batch is sent again.
  if (!answer) throw createErrorFromCode(networkException)
  return { ...answer, clientSideThrottleTime: reader.int32() }
}

const networkException = 13
