import type { CommittedOffset } from '../group/offsets.ts'
import { errorCodes, type KafkaErrorCode } from '../protocol/error-codes.ts'
import type { Reader } from '../protocol/reader.ts'
import type { Writer } from '../protocol/writer.ts'
import {
  type Api,
  ledLog,
  mapPartitions,
  noThrottleMs,
  type OfTopic,
  readTopics,
  type Services,
  writeTopics,
} from './api.ts'

const latest = -1
const earliest = -2
const metadataBytesMax = 4_096

export const listOffsets: Api = {
  name: 'ListOffsets',
  key: 2,
  version: 1,
  versionMax: 3,
  serve(reader, services, { version }) {
    reader.int32() // Replica: clients are none.
    const committed = version >= 2 && reader.int8() === 1
    const topics = readTopics(reader, () => ({ partition: reader.int32(), timestampMs: reader.int64() }))
    const answers = mapPartitions(topics, ({ partition, timestampMs }, topic) => {
      try {
        const log = ledLog(services, topic, partition)
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
      if (version >= 2) writer.int32(noThrottleMs)
      writeTopics(writer, answers, ({ partition, errorCode, timestampMs, offset }) =>
        writer.int32(partition).int16(errorCode).int64(timestampMs).int64(offset),
      )
    }
  },
}

interface WantedCommit {
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string | null
}

const readCommits = (reader: Reader, hasLeaderEpochs: boolean) =>
  readTopics(
    reader,
    (): WantedCommit => ({
      partition: reader.int32(),
      offset: reader.int64(),
      leaderEpoch: hasLeaderEpochs ? reader.int32() : -1,
      metadata: reader.nullableString(),
    }),
  )

function placesOf(topics: ReturnType<typeof readCommits>) {
  return topics.flatMap(({ topic, partitions }) => partitions.map(({ partition }) => ({ topic, partition })))
}

/** Commits what may be committed by `commit`, and tells for each partition how it went. */
function commitAll(
  services: Services,
  groupId: string,
  topics: readonly OfTopic<WantedCommit>[],
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
    outcome = services.placement.coordinatorFault('group', groupId) || commit(accepted)
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
  version: 2,
  versionMax: 6,
  async serve(reader, services, { version }) {
    const groupId = reader.string()
    const generation = reader.int32()
    const memberId = reader.string()
    if (version < 5) reader.int64() // How long it is kept: as long as its group.
    const wanted = readCommits(reader, version >= 6)
    // What was read up to there must last before the offset does.
    await services.durable(services.topics.logsOf(placesOf(wanted)))
    const answers = commitAll(services, groupId, wanted, (offsets) =>
      services.groups.commit(groupId, memberId, generation, offsets),
    )
    await services.durable([])
    return (writer) => {
      if (version >= 3) writer.int32(noThrottleMs)
      writeTopics(writer, answers, ({ partition, errorCode }) => writer.int32(partition).int16(errorCode))
    }
  },
}

interface WantedTxnCommit {
  readonly producer: {
    readonly transactionalId: string
    readonly producerId: number
    readonly producerEpoch: number
  }
  readonly groupId: string
  /** Of the member that commits, which must still be one; −1: it does not say. Source: KIP-447. */
  readonly generation: number
  readonly memberId: string
  readonly topics: readonly OfTopic<WantedCommit>[]
}

export const txnOffsetCommit: Api = {
  name: 'TxnOffsetCommit',
  key: 28,
  version: 0,
  versionMax: 3,
  flexibleFrom: 3,
  async serve(reader, services, { version }) {
    const { producer, groupId, generation, memberId, topics } = readTxnCommit(reader, version)
    const answers = commitAll(services, groupId, topics, (offsets) => {
      const fault =
        generation < 0 ? errorCodes.none : services.groups.checkCommit(groupId, memberId, generation)
      if (fault === errorCodes.none) services.transactions.commitOffsets(producer, groupId, offsets)
      return fault
    })
    await services.durable([])
    return (writer) => {
      writer.int32(noThrottleMs)
      if (version < 3) {
        writeTopics(writer, answers, ({ partition, errorCode }) => writer.int32(partition).int16(errorCode))
        return
      }
      writer.compactArray(answers, ({ topic, partitions }) =>
        writer
          .compactString(topic)
          .compactArray(partitions, ({ partition, errorCode }) =>
            writer.int32(partition).int16(errorCode).noTags(),
          )
          .noTags(),
      )
      writer.noTags()
    }
  },
}

function readTxnCommit(reader: Reader, version: number): WantedTxnCommit {
  if (version < 3) {
    const transactionalId = reader.string()
    const groupId = reader.string()
    const producer = { transactionalId, producerId: reader.int64(), producerEpoch: reader.int16() }
    return { producer, groupId, generation: -1, memberId: '', topics: readCommits(reader, version >= 2) }
  }
  const transactionalId = reader.compactString()
  const groupId = reader.compactString()
  const producer = { transactionalId, producerId: reader.int64(), producerEpoch: reader.int16() }
  const generation = reader.int32()
  const memberId = reader.compactString()
  reader.nullableCompactString() // the name of a static member: its id says who it is
  const topics = reader.compactArray(() => {
    const topic = reader.compactString()
    const partitions = reader.compactArray(() => {
      const partition = reader.int32()
      const offset = reader.int64()
      const leaderEpoch = reader.int32()
      const metadata = reader.nullableCompactString()
      reader.tags()
      return { partition, offset, leaderEpoch, metadata }
    })
    reader.tags()
    return { topic, partitions }
  })
  return { producer, groupId, generation, memberId, topics }
}

export const offsetFetch: Api = {
  name: 'OffsetFetch',
  key: 9,
  version: 1,
  versionMax: 7,
  flexibleFrom: 6,
  serve(reader, services, { version }) {
    const { groupId, wanted, requiresStable } = readOffsetFetch(reader, version)
    const { offsets, placement, transactions } = services
    const fault = placement.coordinatorFault('group', groupId)
    const topics = fault ? [] : (wanted ?? topicsOf(offsets.all(groupId)))
    const answers = mapPartitions(topics, (partition, topic) => {
      if (requiresStable && transactions.mayCommit(groupId, { topic, partition }))
        return { ...noOffset, partition, errorCode: errorCodes.unstableOffsetCommit }
      return { ...noOffset, ...offsets.get(groupId, topic, partition), partition }
    })
    return (writer) => writeOffsets(writer, answers, fault, version)
  },
}

const noOffset: Required<Omit<CommittedOffset, 'topic' | 'partition'>> & {
  readonly errorCode: KafkaErrorCode
} = {
  offset: -1,
  leaderEpoch: -1,
  metadata: '',
  errorCode: errorCodes.none,
}

function readOffsetFetch(reader: Reader, version: number) {
  if (version < 6) {
    const groupId = reader.string()
    const wanted = reader.nullableArray(() => ({
      topic: reader.string(),
      partitions: reader.array(() => reader.int32()),
    }))
    return { groupId, wanted, requiresStable: false }
  }
  const groupId = reader.compactString()
  const wanted = reader.nullableCompactArray(() => {
    const topic = reader.compactString()
    const partitions = reader.nullableCompactArray(() => reader.int32()) ?? []
    reader.tags()
    return { topic, partitions }
  })
  return { groupId, wanted, requiresStable: version >= 7 && reader.boolean() }
}

function writeOffsets(
  writer: Writer,
  topics: readonly OfTopic<typeof noOffset & { readonly partition: number }>[],
  fault: KafkaErrorCode,
  version: number,
): void {
  if (version >= 3) writer.int32(noThrottleMs)
  if (version < 6) {
    writeTopics(writer, topics, ({ partition, offset, leaderEpoch, metadata, errorCode }) => {
      writer.int32(partition).int64(offset)
      if (version >= 5) writer.int32(leaderEpoch)
      writer.string(metadata).int16(errorCode)
    })
    if (version >= 2) writer.int16(fault)
    return
  }
  writer.compactArray(topics, ({ topic, partitions }) =>
    writer
      .compactString(topic)
      .compactArray(partitions, ({ partition, offset, leaderEpoch, metadata, errorCode }) =>
        writer
          .int32(partition)
          .int64(offset)
          .int32(leaderEpoch)
          .compactString(metadata ?? '')
          .int16(errorCode)
          .noTags(),
      )
      .noTags(),
  )
  writer.int16(fault).noTags()
}

function topicsOf(offsets: readonly CommittedOffset[]) {
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of offsets) {
    topics.set(topic, [...(topics.get(topic) ?? []), partition])
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }))
}
