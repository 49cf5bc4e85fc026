import { messageOf } from '../../errors.ts'
import type { KnownProducer } from '../log/producer-state.ts'
import { errorCodes } from '../protocol/error-codes.ts'
import type { Transaction } from '../transaction/transactions.ts'
import {
  type Api,
  byTopic,
  ledLog,
  mapPartitions,
  noThrottleMs,
  readPartitions,
  type Services,
  writeTopics,
} from './api.ts'

const states: Readonly<Record<Transaction['status'], string>> = {
  empty: 'Empty',
  open: 'Ongoing',
  commit: 'PrepareCommit',
  abort: 'PrepareAbort',
  committed: 'CompleteCommit',
  aborted: 'CompleteAbort',
}

export const listTransactions: Api = {
  name: 'ListTransactions',
  key: 66,
  version: 0,
  versionMax: 1,
  flexibleFrom: 0,
  serve(reader, { transactions, placement, clock }, { version }) {
    const wantedStates = reader.array(() => reader.string())
    const wantedProducers = reader.array(() => reader.int64())
    const openMsMin = version >= 1 ? reader.int64() : -1
    const isWanted = ({ status, producerId, startedAtMs }: Transaction) =>
      (wantedStates.length === 0 || wantedStates.includes(states[status])) &&
      (wantedProducers.length === 0 || wantedProducers.includes(producerId)) &&
      (openMsMin < 0 || (status === 'open' && clock.now() - startedAtMs > openMsMin))
    const found = [...transactions.all()].filter(
      ([id, transaction]) =>
        placement.coordinatorFault('transaction', id) === errorCodes.none && isWanted(transaction),
    )
    const known = Object.values(states)
    return (writer) =>
      writer
        .int32(noThrottleMs)
        .int16(errorCodes.none)
        .array(
          wantedStates.filter((state) => !known.includes(state)),
          (state) => writer.string(state),
        )
        .structs(found, ([id, { producerId, status }]) =>
          writer.string(id).int64(producerId).string(states[status]),
        )
  },
}

export const describeTransactions: Api = {
  name: 'DescribeTransactions',
  key: 65,
  version: 0,
  flexibleFrom: 0,
  serve(reader, { transactions, placement }) {
    const described = reader.array(() => {
      const id = reader.string()
      return { id, fault: placement.coordinatorFault('transaction', id), transaction: transactions.get(id) }
    })
    return (writer) =>
      writer.int32(noThrottleMs).structs(described, ({ id, fault, transaction }) => {
        const { status, timeoutMs, startedAtMs, producerId, producerEpoch, partitions } =
          transaction ?? nothingKnown
        writer
          .int16(fault || (transaction ? errorCodes.none : errorCodes.transactionalIdNotFound))
          .string(id)
          .string(status && states[status])
          .int32(timeoutMs)
          .int64(status === 'open' ? startedAtMs : -1)
          .int64(producerId)
          .int16(producerEpoch)
          .structs(byTopic(partitions), (of) =>
            writer.string(of.topic).array(of.partitions, (partition) => writer.int32(partition)),
          )
      })
  },
}

const nothingKnown = {
  ...{ status: '' as const, timeoutMs: 0, startedAtMs: -1, producerId: -1, producerEpoch: -1 },
  partitions: [],
}

export const describeProducers: Api = {
  name: 'DescribeProducers',
  key: 61,
  version: 0,
  flexibleFrom: 0,
  serve(reader, services) {
    const described = mapPartitions(readPartitions(reader) ?? [], (partition, topic) => ({
      partition,
      ...producersOf(services, topic, partition),
    }))
    return (writer) => {
      writer.int32(noThrottleMs)
      writeTopics(writer, described, ({ partition, errorCode, message, producers }) =>
        writer
          .int32(partition)
          .int16(errorCode)
          .string(message)
          .structs(producers, ({ producerId, producerEpoch, lastSequence, lastSeenMs, openSince = -1 }) =>
            writer
              .int64(producerId)
              .int32(producerEpoch)
              .int32(lastSequence)
              .int64(lastSeenMs)
              .int32(-1) // The coordinator has no epoch.
              .int64(openSince),
          ),
      )
    }
  },
}

function producersOf(services: Services, topic: string, partition: number) {
  try {
    const producers = ledLog(services, topic, partition).producers.known()
    return { errorCode: errorCodes.none, message: null, producers }
  } catch (error) {
    const producers: readonly KnownProducer[] = []
    return { errorCode: services.faults.codeOf(error), message: messageOf(error), producers }
  }
}
