import type { CommittedOffset } from '../group/offsets.ts'
import type { Committer } from '../group/requests.ts'
import { findLatest, findTimestamp } from '../log/find-by-time.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { errorCodes, type KafkaErrorCode } from '../protocol/error-codes.ts'
import type { Reader } from '../protocol/reader.ts'
import type { Writer } from '../protocol/writer.ts'
import {
  type Api,
  byTopic,
  ledLog,
  mapPartitions,
  noThrottleMs,
  type OfTopic,
  readPartitions,
  readTopics,
  type Services,
  writeTopics,
} from './api.ts'
import { checkEpoch } from './epochs.ts'

/** What is asked for in place of a time. Nothing is tiered here: what is local is all there is. */
const latest = -1
const earliest = -2
const ofMaxTimestamp = -3
const earliestLocal = -4
const metadataBytesMax = 4_096

/** What each version has added. */
const since = { isolation: 2, leaderEpochs: 4 } as const

export const listOffsets: Api = {
  name: 'ListOffsets',
  key: 2,
  version: 1,
  versionMax: 8,
  flexibleFrom: 6,
  serve(reader, services, { version }) {
    reader.int32() // Replica: clients are none.
    const committed = version >= since.isolation && reader.int8() === 1
    const topics = readTopics(reader, () => ({
      partition: reader.int32(),
      leaderEpoch: version >= since.leaderEpochs ? reader.int32() : -1,
      timestampMs: reader.int64(),
    }))
    const answers = mapPartitions(topics, ({ partition, leaderEpoch, timestampMs }, topic) => {
      try {
        const log = ledLog(services, topic, partition)
        checkEpoch(log, leaderEpoch)
        return { ...noRecord, partition, ...find(log, timestampMs, committed) }
      } catch (error) {
        return { ...noRecord, partition, errorCode: services.faults.codeOf(error) }
      }
    })
    return (writer) => {
      if (version >= since.isolation) writer.int32(noThrottleMs)
      writeTopics(writer, answers, ({ partition, errorCode, timestampMs, offset, leaderEpoch }) => {
        writer.int32(partition).int16(errorCode).int64(timestampMs).int64(offset)
        if (version >= since.leaderEpochs) writer.int32(leaderEpoch)
      })
    }
  },
}

const noRecord = {
  errorCode: errorCodes.none as KafkaErrorCode,
  timestampMs: -1,
  offset: -1,
  leaderEpoch: -1,
}

function find(log: PartitionLog, timestampMs: number, committed: boolean): Partial<typeof noRecord> {
  const { leaderEpoch } = log
  const end = committed ? log.lastStableOffset : log.highWatermark
  if (timestampMs === latest) return { offset: end, leaderEpoch }
  if (timestampMs === earliest || timestampMs === earliestLocal)
    return { offset: log.startOffset, leaderEpoch }
  const record = timestampMs === ofMaxTimestamp ? findLatest(log) : findTimestamp(log, timestampMs)
  if (!record || record.offset >= end) return {}
  return { timestampMs: record.timestampMs, offset: record.offset, leaderEpoch }
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
  versionMax: 7,
  async serve(reader, services, { version }) {
    const groupId = reader.string()
    const generation = reader.int32()
    const memberId = reader.string()
    const instanceId = version >= 7 ? reader.nullableString() : null
    if (version < 5) reader.int64() // How long it is kept: as long as its group.
    const wanted = readCommits(reader, version >= 6)
    // What was read up to there must last before the offset does.
    await services.durable(services.topics.logsOf(placesOf(wanted)))
    const answers = commitAll(services, groupId, wanted, (offsets) =>
      services.groups.commit(groupId, { memberId, instanceId, generation }, offsets),
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
  /** Must still be a member, if it says which. Source: KIP-447. */
  readonly committer: Committer
  readonly topics: readonly OfTopic<WantedCommit>[]
}

export const txnOffsetCommit: Api = {
  name: 'TxnOffsetCommit',
  key: 28,
  version: 0,
  versionMax: 3,
  flexibleFrom: 3,
  async serve(reader, services, { version }) {
    const { producer, groupId, committer, topics } = readTxnCommit(reader, version)
    const answers = commitAll(services, groupId, topics, (offsets) => {
      const fault =
        committer.generation < 0 ? errorCodes.none : services.groups.checkCommit(groupId, committer)
      if (fault === errorCodes.none) services.transactions.commitOffsets(producer, groupId, offsets)
      return fault
    })
    await services.durable([])
    return (writer) => {
      writer.int32(noThrottleMs)
      writeTopics(writer, answers, ({ partition, errorCode }) => writer.int32(partition).int16(errorCode))
    }
  },
}

function readTxnCommit(reader: Reader, version: number): WantedTxnCommit {
  const transactionalId = reader.string()
  const groupId = reader.string()
  const producer = { transactionalId, producerId: reader.int64(), producerEpoch: reader.int16() }
  const says = version >= 3
  const committer = {
    generation: says ? reader.int32() : -1,
    memberId: says ? reader.string() : '',
    instanceId: says ? reader.nullableString() : null,
  }
  return { producer, groupId, committer, topics: readCommits(reader, version >= 2) }
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
    const topics = fault ? [] : (wanted ?? byTopic(offsets.all(groupId)))
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
  const groupId = reader.string()
  const wanted = readPartitions(reader)
  return { groupId, wanted, requiresStable: version >= 7 && reader.boolean() }
}

function writeOffsets(
  writer: Writer,
  topics: readonly OfTopic<typeof noOffset & { readonly partition: number }>[],
  fault: KafkaErrorCode,
  version: number,
): void {
  if (version >= 3) writer.int32(noThrottleMs)
  writeTopics(writer, topics, ({ partition, offset, leaderEpoch, metadata, errorCode }) => {
    writer.int32(partition).int64(offset)
    if (version >= 5) writer.int32(leaderEpoch)
    writer.string(metadata ?? '').int16(errorCode)
  })
  if (version >= 2) writer.int16(fault)
}

export const offsetDelete: Api = {
  name: 'OffsetDelete',
  key: 47,
  version: 0,
  async serve(reader, services) {
    const groupId = reader.string()
    const topics = readTopics(reader, () => reader.int32())
    const fault = deletionFault(services, groupId)
    const answers = mapPartitions(fault ? [] : topics, (partition, topic) => ({
      partition,
      errorCode: deleteOffset(services, groupId, { topic, partition }),
    }))
    await services.durable([])
    return (writer) => {
      writer.int16(fault).int32(noThrottleMs)
      writeTopics(writer, answers, ({ partition, errorCode }) => writer.int32(partition).int16(errorCode))
    }
  },
}

/** Of a group whose members can't say what they have subscribed to, none goes. */
function deletionFault({ groups, placement }: Services, groupId: string): KafkaErrorCode {
  const fault = placement.coordinatorFault('group', groupId)
  if (fault) return fault
  if (!groups.exists(groupId)) return errorCodes.groupIdNotFound
  const group = groups.get(groupId)
  const isForeign = group !== undefined && group.members.size > 0 && group.protocolType !== 'consumer'
  return isForeign ? errorCodes.nonEmptyGroup : errorCodes.none
}

function deleteOffset(
  { topics, groups, offsets, faults }: Services,
  groupId: string,
  place: { readonly topic: string; readonly partition: number },
): KafkaErrorCode {
  if (!topics.get(place.topic)?.partitions[place.partition]) return errorCodes.unknownTopicOrPartition
  if (groups.get(groupId)?.members.isSubscribedTo(place.topic)) return errorCodes.groupSubscribedToTopic
  try {
    offsets.delete(groupId, [place])
    return errorCodes.none
  } catch (error) {
    return faults.coordinatorCodeOf(error)
  }
}
