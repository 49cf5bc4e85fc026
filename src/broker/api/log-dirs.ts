import { errorCodes } from '../protocol/error-codes.ts'
import { type Api, mapPartitions, noThrottleMs, readPartitions, type Services, writeTopics } from './api.ts'

const unknownBytes = -1

export const describeLogDirs: Api = {
  name: 'DescribeLogDirs',
  key: 35,
  version: 0,
  versionMax: 4,
  flexibleFrom: 2,
  serve(reader, services, { version }) {
    const wanted = readPartitions(reader) ?? allPartitions(services)
    const found = mapPartitions(wanted, (partition, topic) => services.topics.logsOf([{ topic, partition }]))
    const sizes = found.map(({ topic, partitions }) => ({ topic, partitions: partitions.flat() }))
    const known = sizes.filter(({ partitions }) => partitions.length > 0)
    return (writer) => {
      writer.int32(noThrottleMs)
      if (version >= 3) writer.int16(errorCodes.none)
      writer.structs([services.topics.path], (path) => {
        writer.int16(errorCodes.none).string(path)
        writeTopics(writer, known, ({ partition, sizeBytes }) =>
          writer.int32(partition).int64(sizeBytes).int64(0).boolean(false),
        )
        if (version >= 4) writer.int64(unknownBytes).int64(unknownBytes) // Of the volume, and free.
      })
    }
  },
}

function allPartitions({ topics }: Services) {
  return [...topics.all()].map(({ name, partitions }) => ({
    topic: name,
    partitions: partitions.map(({ partition }) => partition),
  }))
}
