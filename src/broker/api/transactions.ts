import { errorCodes, type KafkaErrorCode } from '../protocol/error-codes.ts'
import {
  type Api,
  check,
  mapPartitions,
  noThrottleMs,
  readPartitions,
  type Services,
  writeTopics,
} from './api.ts'

/** Runs `work`, which is that of the id's coordinator, and tells how it went. */
async function codeOf(
  { faults, placement }: Services,
  transactionalId: string | null,
  work: () => unknown,
): Promise<KafkaErrorCode> {
  try {
    // A producer without transactions is registered by any node.
    if (transactionalId !== null)
      check(placement.coordinatorFault('transaction', transactionalId), 'another node coordinates it')
    await work()
    return errorCodes.none
  } catch (error) {
    return faults.coordinatorCodeOf(error)
  }
}

export const initProducerId: Api = {
  name: 'InitProducerId',
  key: 22,
  version: 0,
  versionMax: 1,
  async serve(reader, services) {
    const transactionalId = reader.nullableString()
    const timeoutMs = reader.int32()
    let identity = { producerId: -1, producerEpoch: -1 }
    const errorCode = await codeOf(services, transactionalId, async () => {
      identity = await services.transactions.init(transactionalId, timeoutMs)
      await services.durable([])
    })
    return (writer) =>
      writer.int32(noThrottleMs).int16(errorCode).int64(identity.producerId).int16(identity.producerEpoch)
  },
}

export const addPartitionsToTxn: Api = {
  name: 'AddPartitionsToTxn',
  key: 24,
  version: 0,
  versionMax: 1,
  async serve(reader, services) {
    const transactionalId = reader.string()
    const producer = { transactionalId, producerId: reader.int64(), producerEpoch: reader.int16() }
    const topics = readPartitions(reader) ?? []
    const places = topics.flatMap(({ topic, partitions }) =>
      partitions.map((partition) => ({ topic, partition })),
    )
    const errorCode = await codeOf(services, transactionalId, async () => {
      for (const { topic, partition } of places) services.topics.log(topic, partition)
      services.transactions.addPartitions(producer, places)
      await services.durable([])
    })
    const answers = mapPartitions(topics, (partition) => ({ partition, errorCode }))
    return (writer) => {
      writer.int32(noThrottleMs)
      writeTopics(writer, answers, (each) => writer.int32(each.partition).int16(each.errorCode))
    }
  },
}

export const addOffsetsToTxn: Api = {
  name: 'AddOffsetsToTxn',
  key: 25,
  version: 0,
  versionMax: 1,
  async serve(reader, services) {
    const transactionalId = reader.string()
    const producer = { transactionalId, producerId: reader.int64(), producerEpoch: reader.int16() }
    const groupId = reader.string()
    const errorCode = await codeOf(services, transactionalId, () => {
      services.transactions.addGroup(producer, groupId)
      return services.durable([])
    })
    return (writer) => writer.int32(noThrottleMs).int16(errorCode)
  },
}

export const endTxn: Api = {
  name: 'EndTxn',
  key: 26,
  version: 0,
  versionMax: 1,
  async serve(reader, services) {
    const transactionalId = reader.string()
    const producer = { transactionalId, producerId: reader.int64(), producerEpoch: reader.int16() }
    const outcome = reader.boolean() ? 'commit' : 'abort'
    const errorCode = await codeOf(services, transactionalId, () =>
      services.transactions.end(producer, outcome),
    )
    return (writer) => writer.int32(noThrottleMs).int16(errorCode)
  },
}
