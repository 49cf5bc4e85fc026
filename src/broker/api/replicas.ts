import { errorCodes } from '../protocol/error-codes.ts'
import { type Api, mapPartitions, noThrottleMs, readPartitions, type Services, writeTopics } from './api.ts'

/** Each partition has one replica, which leads: there is nothing to elect. */
export const electLeaders: Api = {
  name: 'ElectLeaders',
  key: 43,
  version: 0,
  versionMax: 2,
  flexibleFrom: 2,
  serve(reader, services, { version }) {
    if (version >= 1) reader.int8() // Whether the preferred one is wanted, or any.
    // Where all are asked for, those that need none are left out.
    const wanted = readPartitions(reader) ?? []
    const answers = mapPartitions(wanted, (partition, topic) => elect(services, topic, partition))
    return (writer) => {
      writer.int32(noThrottleMs)
      if (version >= 1) writer.int16(services.placement.controllerFault())
      writeTopics(writer, answers, ({ partition, errorCode, message }) =>
        writer.int32(partition).int16(errorCode).string(message),
      )
    }
  },
}

function elect({ topics }: Services, topic: string, partition: number) {
  if (topics.get(topic)?.partitions[partition]) {
    const message = 'Leader election not needed for topic partition.'
    return { partition, errorCode: errorCodes.electionNotNeeded, message }
  }
  return { partition, errorCode: errorCodes.unknownTopicOrPartition, message: 'No such topic-partition.' }
}

export const listPartitionReassignments: Api = {
  name: 'ListPartitionReassignments',
  key: 46,
  version: 0,
  flexibleFrom: 0,
  serve:
    (_reader, { placement }) =>
    (writer) =>
      writer
        .int32(noThrottleMs)
        .int16(placement.controllerFault())
        .string(null)
        .structs([], () => {}),
}
