import type { CoordinatorType } from '../placement.ts'
import { errorCodes } from '../protocol/error-codes.ts'
import { type Api, noThrottleMs } from './api.ts'

const coordinatorTypes: readonly CoordinatorType[] = ['group', 'transaction']
const withLeaderEpochs = 7

export const metadata: Api = {
  name: 'Metadata',
  key: 3,
  version: 6,
  versionMax: withLeaderEpochs,
  serve(reader, { topics, clusterId, placement }, { version }) {
    const wanted = reader.nullableArray(() => reader.string())
    const names = wanted ?? [...topics.all()].map(({ name }) => name)
    const found = names.map((name) => ({ name, partitions: topics.get(name)?.partitions }))
    return (writer) =>
      writer
        .int32(noThrottleMs)
        .array(placement.nodes, ({ nodeId, host, port }) =>
          writer.int32(nodeId).string(host).int32(port).string(null),
        )
        .string(clusterId)
        .int32(placement.controllerId)
        .array(found, ({ name, partitions }) =>
          writer
            .int16(partitions ? errorCodes.none : errorCodes.unknownTopicOrPartition)
            .string(name)
            .boolean(false)
            .array(partitions ?? [], (log) => {
              const { nodeId, epoch } = placement.leaderOf(log)
              writer
                .int16(nodeId < 0 ? errorCodes.leaderNotAvailable : errorCodes.none)
                .int32(log.partition)
                .int32(nodeId)
              if (version >= withLeaderEpochs) writer.int32(epoch)
              writer
                .array(placement.nodes, (replica) => writer.int32(replica.nodeId))
                .array(placement.nodes, (inSync) => writer.int32(inSync.nodeId))
                .array([], () => {})
            }),
        )
  },
}

export const findCoordinator: Api = {
  name: 'FindCoordinator',
  key: 10,
  version: 2,
  serve(reader, { placement }) {
    const key = reader.string()
    const kind = reader.int8()
    const type = coordinatorTypes[kind]
    const found = type && placement.coordinatorOf(type, key)
    const { nodeId, host, port } = found ?? nobody
    return (writer) =>
      writer
        .int32(noThrottleMs)
        .int16(
          found ? errorCodes.none : type ? errorCodes.coordinatorNotAvailable : errorCodes.invalidRequest,
        )
        .string(type ? null : `There is no coordinator of kind ${kind}.`)
        .int32(nodeId)
        .string(host)
        .int32(port)
  },
}

const nobody = { nodeId: -1, host: '', port: -1 }
