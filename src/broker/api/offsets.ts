import type { CommittedOffset } from '../group/offsets.ts'
import { errorCodes, type KafkaErrorCode } from '../protocol/error-codes.ts'
import type { Reader } from '../protocol/reader.ts'
import { type Api, mapPartitions, noThrottleMs, readTopics, type Services, writeTopics } from './api.ts'

const latest = -1
const earliest = -2
const metadataBytesMax = 4_096

export const listOffsets: Api = {
  name: 'ListOffsets',
  key: 2,
  version: 3,
  serve(reader, services) {
    reader.int32() // Replica: clients are none.
    const committed = reader.int8() === 1
    const topics = readTopics(reader, () => ({ partition: reader.int32(), timestampMs: reader.int64() }))
    const answers = mapPartitions(topics, ({ partition, timestampMs }, topic) => {
      try {
        const log = services.topics.log(topic, partition)
        const end = committed ? log.lastStableOffset : log.highWatermark
        const found = { partition, errorCode: errorCodes.none, timestampMs: -1, offset: -1 }
        if (timestampMs === latest) return { ...found, offset: end }
        if (timestampMs === earliest) return { ...found, offset: log.startOffset }
        const record = log.findTimestamp(timestampMs)
        if (!record || record.offset >= end) return found
        return { ...found, timestampMs: record.timestampMs, offset: record.offset }
      } catch (error) {
        return { partition, errorCode: services.faults.codeOf(error), timestampMs: -1, offset: -1 }
      }
    })
    return (writer) => {
      writer.int32(noThrottleMs)
      writeTopics(writer, answers, ({ partition, errorCode, timestampMs, offset }) =>
        writer.int32(partition).int16(errorCode).int64(timestampMs).int64(offset),
      )
    }
  },
}

interface WantedCommit {
  readonly partition: number
  readonly offset: number
  readonly metadata: string | null
}

const readCommits = (reader: Reader) =>
  readTopics(
    reader,
    (): WantedCommit => ({
      partition: reader.int32(),
      offset: reader.int64(),
      metadata: reader.nullableString(),
    }),
  )

function placesOf(topics: ReturnType<typeof readCommits>) {
  return topics.flatMap(({ topic, partitions }) => partitions.map(({ partition }) => ({ topic, partition })))
}

/** Commits what may be committed by `commit`, and tells for each partition how it went. */
function commitAll(
  services: Services,
  topics: ReturnType<typeof readCommits>,
  commit: (offsets: readonly CommittedOffset[]) => KafkaErrorCode,
) {
  const accepted: CommittedOffset[] = []
  const checked = mapPartitions(topics, (wanted, topic) => {
    const errorCode = commitFault(services, topic, wanted)
    if (errorCode === errorCodes.none) accepted.push({ topic, ...wanted })
    return { partition: wanted.partition, errorCode }
  })
  let outcome: KafkaErrorCode
  try {
    outcome = commit(accepted)
  } catch (error) {
    outcome = services.faults.coordinatorCodeOf(error)
  }
  return mapPartitions(checked, ({ partition, errorCode }) => ({
    partition,
    errorCode: outcome === errorCodes.none ? errorCode : outcome,
  }))
}

function commitFault(
  { topics }: Services,
  topic: string,
  { partition, metadata }: WantedCommit,
): KafkaErrorCode {
  if (!topics.get(topic)?.partitions[partition]) return errorCodes.unknownTopicOrPartition
  if (Buffer.byteLength(metadata ?? '') > metadataBytesMax) return errorCodes.offsetMetadataTooLarge
  return errorCodes.none
}

export const offsetCommit: Api = {
  name: 'OffsetCommit',
  key: 8,
  version: 5,
  async serve(reader, services) {
    const groupId = reader.string()
    const generation = reader.int32()
    const memberId = reader.string()
    const wanted = readCommits(reader)
    // What was read up to there must last before the offset does.
    await services.durable(services.topics.logsOf(placesOf(wanted)))
    const answers = commitAll(services, wanted, (offsets) =>
      services.groups.commit(groupId, memberId, generation, offsets),
    )
    await services.durable([])
    return (writer) => {
      writer.int32(noThrottleMs)
      writeTopics(writer, answers, ({ partition, errorCode }) => writer.int32(partition).int16(errorCode))
    }
  },
}

export const txnOffsetCommit: Api = {
  name: 'TxnOffsetCommit',
  key: 28,
  version: 1,
  async serve(reader, services) {
    const transactionalId = reader.string()
    const groupId = reader.string()
    const producer = { transactionalId, producerId: reader.int64(), producerEpoch: reader.int16() }
    const answers = commitAll(services, readCommits(reader), (offsets) => {
      services.transactions.commitOffsets(producer, groupId, offsets)
      return errorCodes.none
    })
    await services.durable([])
    return (writer) => {
      writer.int32(noThrottleMs)
      writeTopics(writer, answers, ({ partition, errorCode }) => writer.int32(partition).int16(errorCode))
    }
  },
}

export const offsetFetch: Api = {
  name: 'OffsetFetch',
  key: 9,
  version: 4,
  serve(reader, services) {
    const groupId = reader.string()
    const wanted = reader.nullableArray(() => ({
      topic: reader.string(),
      partitions: reader.array(() => reader.int32()),
    }))
    const committed = (topic: string, partition: number) => {
      const found = services.offsets.get(groupId, topic, partition)
      return { partition, offset: found?.offset ?? -1, metadata: found?.metadata ?? '' }
    }
    const topics = wanted ?? topicsOf(services.offsets.all(groupId))
    const answers = mapPartitions(topics, (partition, topic) => committed(topic, partition))
    return (writer) => {
      writer.int32(noThrottleMs)
      writeTopics(writer, answers, ({ partition, offset, metadata }) =>
        writer.int32(partition).int64(offset).string(metadata).int16(errorCodes.none),
      )
      writer.int16(errorCodes.none)
    }
  },
}

function topicsOf(offsets: readonly CommittedOffset[]) {
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of offsets) {
    topics.set(topic, [...(topics.get(topic) ?? []), partition])
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }))
}
