import { errorCodes } from '../protocol/error-codes.ts'
import { type Answer, type Api, noThrottleMs } from './api.ts'
import { describeCluster, findCoordinator, metadata } from './cluster.ts'
import { alterConfigs, describeConfigs, incrementalAlterConfigs } from './configs.ts'
import { offsetForLeaderEpoch } from './epochs.ts'
import { fetch } from './fetch.ts'
import {
  deleteGroups,
  describeGroups,
  heartbeat,
  joinGroup,
  leaveGroup,
  listGroups,
  syncGroup,
} from './groups.ts'
import { describeLogDirs } from './log-dirs.ts'
import { listOffsets, offsetCommit, offsetDelete, offsetFetch, txnOffsetCommit } from './offsets.ts'
import { produce } from './produce.ts'
import { electLeaders, listPartitionReassignments } from './replicas.ts'
import {
  createAcls,
  deleteAcls,
  describeAcls,
  describeClientQuotas,
  describeUserScramCredentials,
} from './security.ts'
import { createPartitions, createTopics, deleteRecords, deleteTopics } from './topics.ts'
import { describeProducers, describeTransactions, listTransactions } from './transaction-insight.ts'
import { addOffsetsToTxn, addPartitionsToTxn, endTxn, initProducerId } from './transactions.ts'

const apiVersions: Api = {
  name: 'ApiVersions',
  key: 18,
  version: 0,
  versionMax: 2,
  serve:
    (_reader, _services, { version }) =>
    (writer) => {
      writeVersions(errorCodes.none)(writer)
      if (version >= 1) writer.int32(noThrottleMs)
    },
}

/**
 * What this broker speaks: of what programs ask for, the versions before those with tagged fields, from the lowest that
 * Kafka 4 has, or kafka-python 2.0 asks for, on, and what Rivulet needs beyond them; of what operators ask for, those in which
 * there is something to say.
 */
export const apis: ReadonlyMap<number, Api> = new Map(
  [
    ...[apiVersions, metadata, findCoordinator, produce, fetch, listOffsets],
    offsetForLeaderEpoch,
    ...[offsetCommit, offsetFetch, txnOffsetCommit],
    ...[joinGroup, syncGroup, heartbeat, leaveGroup, listGroups, describeGroups, deleteGroups],
    ...[createTopics, deleteTopics, createPartitions, deleteRecords],
    ...[describeConfigs, alterConfigs, incrementalAlterConfigs],
    ...[initProducerId, addPartitionsToTxn, addOffsetsToTxn, endTxn],
    ...[listTransactions, describeTransactions, describeProducers],
    ...[describeCluster, describeLogDirs, offsetDelete, electLeaders, listPartitionReassignments],
    ...[describeAcls, createAcls, deleteAcls, describeUserScramCredentials, describeClientQuotas],
  ].map((api) => [api.key, api]),
)

/** For clients that ask in another version first: they are told, in the oldest one, what there is. */
export const unsupportedApiVersions: Answer = (writer) => writeVersions(errorCodes.unsupportedVersion)(writer)

function writeVersions(errorCode: number): Answer {
  return (writer) =>
    writer
      .int16(errorCode)
      .array([...apis.values()], ({ key, version, versionSaid = version, versionMax = version }) =>
        writer.int16(key).int16(versionSaid).int16(versionMax),
      )
}
