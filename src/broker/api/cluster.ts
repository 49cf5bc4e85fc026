import type { PartitionLog } from '../log/partition-log.ts'
import type { CoordinatorType, Placement } from '../placement.ts'
import { errorCodes } from '../protocol/error-codes.ts'
import type { Writer } from '../protocol/writer.ts'
import { type Api, noThrottleMs, unknownOperations } from './api.ts'

const coordinatorTypes: readonly CoordinatorType[] = ['group', 'transaction']

/** What each version has added to the answer. */
const since = { brokerRacks: 1, clusterId: 2, throttle: 3, offlineReplicas: 5, leaderEpochs: 7 } as const

export const metadata: Api = {
  name: 'Metadata',
  key: 3,
  version: 0,
  versionMax: 7,
  serve(reader, { topics, clusterId, placement }, { version }) {
    const wanted = reader.nullableArray(() => reader.string())
    // Before null could be said, none meant all.
    const isAll = !wanted || (version === 0 && wanted.length === 0)
    const names = isAll ? [...topics.all()].map(({ name }) => name) : wanted
    const found = names.map((name) => ({ name, partitions: topics.get(name)?.partitions }))
    return (writer) => {
      if (version >= since.throttle) writer.int32(noThrottleMs)
      writer.array(placement.nodes, ({ nodeId, host, port }) => {
        writer.int32(nodeId).string(host).int32(port)
        if (version >= since.brokerRacks) writer.string(null)
      })
      if (version >= since.clusterId) writer.string(clusterId)
      if (version >= since.brokerRacks) writer.int32(placement.controllerId)
      writer.array(found, ({ name, partitions }) => {
        writer.int16(partitions ? errorCodes.none : errorCodes.unknownTopicOrPartition).string(name)
        if (version >= since.brokerRacks) writer.boolean(false) // Not internal.
        writer.array(partitions ?? [], (log) => writePartition(writer, log, placement, version))
      })
    }
  },
}

function writePartition(writer: Writer, log: PartitionLog, placement: Placement, version: number): void {
  const { nodeId, epoch } = placement.leaderOf(log)
  writer
    .int16(nodeId < 0 ? errorCodes.leaderNotAvailable : errorCodes.none)
    .int32(log.partition)
    .int32(nodeId)
  if (version >= since.leaderEpochs) writer.int32(epoch)
  writer
    .array(placement.nodes, (replica) => writer.int32(replica.nodeId))
    .array(placement.nodes, (inSync) => writer.int32(inSync.nodeId))
  if (version >= since.offlineReplicas) writer.array([], () => {})
}

export const findCoordinator: Api = {
  name: 'FindCoordinator',
  key: 10,
  version: 0,
  versionMax: 2,
  serve(reader, { placement }, { version }) {
    const key = reader.string()
    const kind = version >= 1 ? reader.int8() : 0
    const type = coordinatorTypes[kind]
    const found = type && placement.coordinatorOf(type, key)
    const { nodeId, host, port } = found ?? nobody
    return (writer) => {
      if (version >= 1) writer.int32(noThrottleMs)
      writer.int16(
        found ? errorCodes.none : type ? errorCodes.coordinatorNotAvailable : errorCodes.invalidRequest,
      )
      if (version >= 1) writer.string(type ? null : `There is no coordinator of kind ${kind}.`)
      writer.int32(nodeId).string(host).int32(port)
    }
  },
}

const nobody = { nodeId: -1, host: '', port: -1 }

const endpointOfBrokers = 1

export const describeCluster: Api = {
  name: 'DescribeCluster',
  key: 60,
  version: 0,
  versionMax: 2,
  flexibleFrom: 0,
  serve(reader, { clusterId, placement }, { version }) {
    reader.boolean() // Whether it wants to hear what it may do.
    const endpoint = version >= 1 ? reader.int8() : endpointOfBrokers
    const isOfBrokers = endpoint === endpointOfBrokers
    return (writer) => {
      writer
        .int32(noThrottleMs)
        .int16(isOfBrokers ? errorCodes.none : errorCodes.mismatchedEndpointType)
        .string(isOfBrokers ? null : 'This is an endpoint of brokers.')
      if (version >= 1) writer.int8(endpointOfBrokers)
      writer
        .string(clusterId)
        .int32(placement.controllerId)
        .structs(placement.nodes, ({ nodeId, host, port }) => {
          writer.int32(nodeId).string(host).int32(port).string(null) // No rack.
          if (version >= 2) writer.boolean(false) // Not fenced.
        })
        .int32(unknownOperations)
    }
  },
}
