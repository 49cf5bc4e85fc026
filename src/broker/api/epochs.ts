import type { PartitionLog } from '../log/partition-log.ts'
import { errorCodes, KafkaError } from '../protocol/error-codes.ts'
import { type Api, ledLog, mapPartitions, noThrottleMs, readTopics, writeTopics } from './api.ts'

/** Throws a `KafkaError` where the client has not heard of the log's leader, or the leader not of what the client knows. */
export function checkEpoch({ topic, partition, leaderEpoch }: PartitionLog, wanted: number): void {
  if (wanted < 0 || wanted === leaderEpoch) return
  const code = wanted < leaderEpoch ? errorCodes.fencedLeaderEpoch : errorCodes.unknownLeaderEpoch
  throw new KafkaError(code, `${topic}/${partition} is in leader epoch ${leaderEpoch}, not ${wanted}`)
}

export const offsetForLeaderEpoch: Api = {
  name: 'OffsetForLeaderEpoch',
  key: 23,
  version: 2,
  versionMax: 3,
  serve(reader, services, { version }) {
    if (version >= 3) reader.int32() // Replica: clients are none.
    const topics = readTopics(reader, () => ({
      partition: reader.int32(),
      currentEpoch: reader.int32(),
      epoch: reader.int32(),
    }))
    const answers = mapPartitions(topics, ({ partition, currentEpoch, epoch }, topic) => {
      try {
        const log = ledLog(services, topic, partition)
        checkEpoch(log, currentEpoch)
        return { partition, errorCode: errorCodes.none, ...log.endOfEpoch(epoch) }
      } catch (error) {
        return { partition, errorCode: services.faults.codeOf(error), epoch: -1, endOffset: -1 }
      }
    })
    return (writer) => {
      writer.int32(noThrottleMs)
      writeTopics(writer, answers, ({ partition, errorCode, epoch, endOffset }) =>
        writer.int16(errorCode).int32(partition).int32(epoch).int64(endOffset),
      )
    }
  },
}
