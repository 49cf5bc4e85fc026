import { ByteReader } from './byte-reader.ts'
import { ByteWriter } from './byte-writer.ts'
import { createErrorFromCode, type ProtocolRequest } from './internals.ts'
import type { TopicPartition } from './types.ts'

const unknownServerError = -1

/** Where an epoch, or the last one before it that wrote anything, ends in a log; −1 each: the log knows of none. */
export interface EpochEnd {
  readonly epoch: number
  readonly endOffset: number
}

/** OffsetForLeaderEpoch v3 for one partition, whose leader is believed to be in `currentEpoch`. Source: KIP-320. */
export function epochEndRequest(
  { topic, partition }: TopicPartition,
  currentEpoch: number,
  epoch: number,
): ProtocolRequest<EpochEnd> {
  return {
    request: {
      ...{ apiKey: 23, apiVersion: 3, apiName: 'OffsetForLeaderEpoch' },
      encode: async () => {
        const writer = new ByteWriter().int32(-1) // not a replica
        writer.int32(1).string(topic).int32(1)
        return writer.int32(partition).int32(currentEpoch).int32(epoch).finish()
      },
    },
    response: {
      decode: async (bytes) => {
        const reader = new ByteReader(bytes)
        const clientSideThrottleTime = reader.int32()
        const [answer] = reader
          .array(() => {
            reader.string()
            return reader.array(() => {
              const errorCode = reader.int16()
              reader.int32() // partition
              return { errorCode, epoch: reader.int32(), endOffset: reader.int64() }
            })
          })
          .flat()
        if (answer?.errorCode !== 0) throw createErrorFromCode(answer?.errorCode ?? unknownServerError)
        return { clientSideThrottleTime, epoch: answer.epoch, endOffset: answer.endOffset }
      },
      parse: async (data) => data,
    },
    logResponseError: false,
  }
}
