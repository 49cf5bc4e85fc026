import { decodeFetchResponse, type FetchedPartition } from './decode-fetch.ts'
import { createErrorFromCode, type ProtocolRequest } from './internals.ts'
import { topicPartitions } from './topic-partitions.ts'
import type { PartitionOffset } from './types.ts'

const fetchKey = 1
/** What is read of transactions that are not over. */
const isolationLevels = { uncommitted: 0, committed: 1 } as const
/** On top of what the broker may hold the answer back. */
const networkMs = 5_000

/** In the epoch in which its leader is believed to be. */
export interface PartitionToFetch extends PartitionOffset {
  readonly leaderEpoch: number
}

export interface FetchLimits {
  readonly waitMsMax: number
  readonly bytesMax: number
  readonly partitionBytesMax: number
}

interface FetchChoices {
  /** Default `committed`. */
  readonly isolation?: keyof typeof isolationLevels
  /** Where the client is, if it wants to hear of a replica there. */
  readonly rack?: string | undefined
}

/** Fetch v11, without a fetch session. It answers at once when there is any record. */
export function fetchRequest(
  partitions: readonly PartitionToFetch[],
  { waitMsMax, bytesMax, partitionBytesMax }: FetchLimits,
  { isolation = 'committed', rack = '' }: FetchChoices = {},
): ProtocolRequest<{ readonly errorCode: number; readonly partitions: readonly FetchedPartition[] }> {
  return {
    request: {
      apiKey: fetchKey,
      apiVersion: 11,
      apiName: 'Fetch',
      encode: async () => {
        const topics = topicPartitions(partitions, (each) => each)
        const names = topics.map(({ topic }) => Buffer.from(topic))
        const rackName = Buffer.from(rack)
        const bytes = names.reduce((sum, name) => sum + 6 + name.length, partitions.length * 28 + 35)
        const buffer = Buffer.alloc(bytes + rackName.length)
        let at = buffer.writeInt32BE(-1) // not a replica
        at = buffer.writeInt32BE(waitMsMax, at)
        at = buffer.writeInt32BE(1, at) // least bytes
        at = buffer.writeInt32BE(bytesMax, at)
        at = buffer.writeInt8(isolationLevels[isolation], at)
        at = buffer.writeInt32BE(0, at) // session
        at = buffer.writeInt32BE(-1, at) // session epoch: none
        at = buffer.writeInt32BE(topics.length, at)
        topics.forEach((topic, t) => {
          const name = names[t] as Buffer
          at = buffer.writeInt16BE(name.length, at)
          at += name.copy(buffer, at)
          at = buffer.writeInt32BE(topic.partitions.length, at)
          for (const { partition, leaderEpoch, offset } of topic.partitions) {
            at = buffer.writeInt32BE(partition, at)
            at = buffer.writeInt32BE(leaderEpoch, at)
            at = buffer.writeBigInt64BE(BigInt(offset), at)
            at = buffer.writeBigInt64BE(-1n, at) // log start: only replicas say it
            at = buffer.writeInt32BE(partitionBytesMax, at)
          }
        })
        at = buffer.writeInt32BE(0, at) // forgotten topics
        at = buffer.writeInt16BE(rackName.length, at)
        rackName.copy(buffer, at)
        return { buf: buffer, buffer }
      },
    },
    response: {
      decode: async (bytes) => decodeFetchResponse(bytes),
      parse: async (data) => {
        if (data.errorCode !== 0) throw createErrorFromCode(data.errorCode)
        return data
      },
    },
    requestTimeout: waitMsMax + networkMs,
    logResponseError: false,
  }
}
