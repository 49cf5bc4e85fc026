import { errorCodes } from '../protocol/error-codes.ts'
import { type Api, noThrottleMs } from './api.ts'

const groupCoordinator = 0
const transactionCoordinator = 1

export const metadata: Api = {
  name: 'Metadata',
  key: 3,
  version: 6,
  serve(reader, { topics, nodeId, clusterId, address }) {
    const wanted = reader.nullableArray(() => reader.string())
    const names = wanted ?? [...topics.all()].map(({ name }) => name)
    const found = names.map((name) => ({ name, partitions: topics.get(name)?.partitions }))
    return (writer) =>
      writer
        .int32(noThrottleMs)
        .array([address], ({ host, port }) => writer.int32(nodeId).string(host).int32(port).string(null))
        .string(clusterId)
        .int32(nodeId)
        .array(found, ({ name, partitions }) =>
          writer
            .int16(partitions ? errorCodes.none : errorCodes.unknownTopicOrPartition)
            .string(name)
            .boolean(false)
            .array(partitions ?? [], ({ partition }) =>
              writer
                .int16(errorCodes.none)
                .int32(partition)
                .int32(nodeId)
                .array([nodeId], (replica) => writer.int32(replica))
                .array([nodeId], (inSync) => writer.int32(inSync))
                .array([], () => {}),
            ),
        )
  },
}

export const findCoordinator: Api = {
  name: 'FindCoordinator',
  key: 10,
  version: 2,
  serve(reader, { nodeId, address }) {
    reader.string()
    const kind = reader.int8()
    const known = kind === groupCoordinator || kind === transactionCoordinator
    return (writer) =>
      writer
        .int32(noThrottleMs)
        .int16(known ? errorCodes.none : errorCodes.invalidRequest)
        .string(known ? null : `There is no coordinator of kind ${kind}.`)
        .int32(nodeId)
        .string(address.host)
        .int32(address.port)
  },
}
