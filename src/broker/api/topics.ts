import { messageOf } from '../../errors.ts'
import { errorCodes, KafkaError, type KafkaErrorCode } from '../protocol/error-codes.ts'
import {
  type Answer,
  type Api,
  check,
  ledLog,
  mapPartitions,
  noThrottleMs,
  readTopics,
  type Services,
  writeTopics,
} from './api.ts'

interface Outcome {
  readonly topic: string
  readonly errorCode: KafkaErrorCode
  readonly message: string | null
}

/** Runs `work`, which is the controller's, for one topic and tells how it went. */
function attempt({ faults, placement }: Services, topic: string, work: () => void): Outcome {
  try {
    check(placement.controllerFault(), 'another node is the controller')
    work()
    return { topic, errorCode: errorCodes.none, message: null }
  } catch (error) {
    return { topic, errorCode: faults.codeOf(error), message: messageOf(error) }
  }
}

/** How each topic went; in words too, where it went wrong. */
function answerOf(outcomes: readonly Outcome[], has = { throttle: true, message: true }): Answer {
  return (writer) => {
    if (has.throttle) writer.int32(noThrottleMs)
    writer.array(outcomes, ({ topic, errorCode, message }) => {
      writer.string(topic).int16(errorCode)
      if (has.message) writer.string(message)
    })
  }
}

export const createTopics: Api = {
  name: 'CreateTopics',
  key: 19,
  version: 0,
  versionMax: 4,
  async serve(reader, services, { version }) {
    const wanted = reader.array(() => ({
      name: reader.string(),
      partitionCount: reader.int32(),
      replicationFactor: reader.int16(),
      assignments: reader.array(() => ({
        partition: reader.int32(),
        replicas: reader.array(() => reader.int32()),
      })),
      config: Object.fromEntries(reader.array(() => [reader.string(), reader.nullableString()] as const)),
    }))
    reader.int32() // Timeout: it is done at once.
    const validateOnly = version >= 1 && reader.boolean()
    const outcomes = wanted.map(({ assignments, ...topic }) =>
      attempt(services, topic.name, () => {
        if (wanted.filter(({ name }) => name === topic.name).length > 1) {
          throw new KafkaError(errorCodes.invalidRequest, `Topic '${topic.name}' is in the request twice.`)
        }
        const partitionCount = assignments.length > 0 ? assignments.length : topic.partitionCount
        for (const { partition, replicas } of assignments) {
          const isOurs = replicas.length === 1 && replicas[0] === services.placement.nodeId
          if (isOurs && partition >= 0 && partition < partitionCount) continue
          const message = `Partition ${partition} can only be assigned to broker ${services.placement.nodeId}.`
          throw new KafkaError(errorCodes.invalidReplicaAssignment, message)
        }
        services.topics.create({ ...topic, partitionCount }, validateOnly)
      }),
    )
    await services.durable([])
    return answerOf(outcomes, { throttle: version >= 2, message: version >= 1 })
  },
}

export const deleteTopics: Api = {
  name: 'DeleteTopics',
  key: 20,
  version: 0,
  versionMax: 3,
  async serve(reader, services, { version }) {
    const outcomes = reader.array(() => {
      const topic = reader.string()
      return attempt(services, topic, () => {
        services.topics.delete(topic)
        services.offsets.topicDeleted(topic)
      })
    })
    await services.durable([])
    return answerOf(outcomes, { throttle: version >= 1, message: false })
  },
}

export const createPartitions: Api = {
  name: 'CreatePartitions',
  key: 37,
  version: 0,
  versionMax: 1,
  async serve(reader, services) {
    const wanted = reader.array(() => ({
      topic: reader.string(),
      count: reader.int32(),
      assignments: reader.array(() => reader.array(() => reader.int32())),
    }))
    reader.int32() // Timeout: it is done at once.
    const validateOnly = reader.boolean()
    const outcomes = wanted.map(({ topic, count }) =>
      attempt(services, topic, () => services.topics.grow(topic, count, validateOnly)),
    )
    await services.durable([])
    return answerOf(outcomes)
  },
}

export const deleteRecords: Api = {
  name: 'DeleteRecords',
  key: 21,
  version: 0,
  versionMax: 1,
  async serve(reader, services) {
    const topics = readTopics(reader, () => ({ partition: reader.int32(), offset: reader.int64() }))
    const outcomes = mapPartitions(topics, ({ partition, offset }, topic) => {
      try {
        ledLog(services, topic, partition)
        const startOffset = services.topics.deleteRecords(topic, partition, offset)
        return { partition, startOffset, errorCode: errorCodes.none }
      } catch (error) {
        return { partition, startOffset: -1, errorCode: services.faults.codeOf(error) }
      }
    })
    await services.durable([])
    return (writer) => {
      writer.int32(noThrottleMs)
      writeTopics(writer, outcomes, ({ partition, startOffset, errorCode }) =>
        writer.int32(partition).int64(startOffset).int16(errorCode),
      )
    }
  },
}
