import { describe, expect, test } from 'vitest'
import { errorCodes } from '../../../src/broker/protocol/error-codes.ts'
import type { Reader } from '../../../src/broker/protocol/reader.ts'
import { batchOf } from '../support.ts'
import { brokerToAsk, isAtItsEnd } from './asked.ts'
import { javaRequests } from './java-requests.ts'

const place = { topic: 'orders', partition: 0 }

/** A broker with a record in a transaction that is open, of producer 1. */
async function withTransaction() {
  const broker = await brokerToAsk()
  const { transactions, topics } = broker.node.services
  const producer = { transactionalId: 'tx', ...(await transactions.init('tx', 60_000)) }
  transactions.addPartitions(producer, [place])
  const log = topics.log('orders', 0)
  log.append(batchOf([{ value: 'x' }], { ...producer, baseSequence: 0, transactional: true }))
  return { ...broker, log, producer, startedAtMs: broker.clock.now() }
}

/** An answer of partitions, by their topics. */
const readPartitions = <T>(reader: Reader, partition: () => T) =>
  reader.structs(() => [reader.string(), reader.structs(partition)] as const)

describe('an operator who asks for transactions', () => {
  const list = (reader: Reader) => {
    expect([reader.int32(), reader.int16()]).toEqual([0, errorCodes.none])
    const unknownStates = reader.array(() => reader.string())
    const found = reader.structs(() => [reader.string(), reader.int64(), reader.string()])
    expect(isAtItsEnd(reader)).toBe(true)
    return { unknownStates, found }
  }

  test('is told of all, or of those in a state and of a producer', async () => {
    const { ask, node, producer } = await withTransaction()
    await node.services.transactions.init('other', 60_000)
    const { all, ongoingOfProducer1 } = javaRequests.listTransactions
    const ongoing = ['tx', producer.producerId, 'Ongoing']
    expect(list(await ask(all))).toEqual({ unknownStates: [], found: [ongoing, ['other', 2, 'Empty']] })
    const unknown = ongoingOfProducer1.replace(hex('Ongoing'), hex('Ongoinx'))
    expect(list(await ask(unknown))).toEqual({ unknownStates: ['Ongoinx'], found: [] })
    const atOnce = ongoingOfProducer1.replace(/0000000000000000(?=00$)/, 'ffffffffffffffff')
    expect(list(await ask(atOnce)).found).toEqual([ongoing])
    await node.services.transactions.end(producer, 'commit')
    expect(list(await ask(all)).found).toContainEqual(['tx', producer.producerId, 'CompleteCommit'])
    expect(list(await ask(atOnce)).found).toEqual([])
  })

  test('is told only of those that are open for as long as asked', async () => {
    const { ask, clock, producer } = await withTransaction()
    const { ongoingOfProducer1 } = javaRequests.listTransactions
    expect(list(await ask(ongoingOfProducer1)).found).toEqual([])
    await clock.advance(1)
    expect(list(await ask(ongoingOfProducer1)).found).toEqual([['tx', producer.producerId, 'Ongoing']])
  })

  test('is told what one of them has touched, and since when it is open', async () => {
    const { ask, producer, startedAtMs } = await withTransaction()
    const describedBy = (reader: Reader) => {
      expect(reader.int32()).toBe(0)
      const described = reader.structs(() => ({
        errorCode: reader.int16(),
        id: reader.string(),
        state: reader.string(),
        timeoutMs: reader.int32(),
        startedAtMs: reader.int64(),
        producer: [reader.int64(), reader.int16()],
        topics: reader.structs(() => [reader.string(), reader.array(() => reader.int32())]),
      }))
      expect(isAtItsEnd(reader)).toBe(true)
      return described
    }
    const { tx, nobody } = javaRequests.describeTransactions
    expect(describedBy(await ask(tx))).toEqual([
      {
        ...{ errorCode: errorCodes.none, id: 'tx', state: 'Ongoing', timeoutMs: 60_000, startedAtMs },
        ...{ producer: [producer.producerId, producer.producerEpoch], topics: [['orders', [0]]] },
      },
    ])
    const unknown = { errorCode: errorCodes.transactionalIdNotFound, id: 'nobody', topics: [] }
    expect(describedBy(await ask(nobody))).toMatchObject([unknown])
  })

  test('is told of each producer of a partition, and where its open transaction begins', async () => {
    const { ask, node, log, producer, clock } = await withTransaction()
    const producersOf = (reader: Reader) => {
      expect(reader.int32()).toBe(0)
      const topics = readPartitions(reader, () => ({
        partition: reader.int32(),
        fault: [reader.int16(), reader.nullableString()],
        producers: reader.structs(() => ({
          id: reader.int64(),
          epoch: reader.int32(),
          lastSequence: reader.int32(),
          lastTimestampMs: reader.int64(),
          coordinatorEpoch: reader.int32(),
          openSince: reader.int64(),
        })),
      }))
      expect(isAtItsEnd(reader)).toBe(true)
      return topics[0]?.[1][0]
    }
    const { orders0, orders1 } = javaRequests.describeProducers
    const known = {
      ...{ id: producer.producerId, epoch: producer.producerEpoch, lastSequence: 0 },
      ...{ lastTimestampMs: clock.now(), coordinatorEpoch: -1, openSince: 0 },
    }
    expect(producersOf(await ask(orders0))).toEqual({ partition: 0, fault: [0, null], producers: [known] })
    expect(producersOf(await ask(orders1))).toEqual({ partition: 1, fault: [0, null], producers: [] })
    await node.services.transactions.end(producer, 'abort')
    expect(producersOf(await ask(orders0))?.producers).toEqual([{ ...known, openSince: -1 }])
    expect(log.lastStableOffset).toBe(2)
    node.services.topics.delete('orders')
    expect(producersOf(await ask(orders0))?.fault).toEqual([
      errorCodes.unknownTopicOrPartition,
      'orders/0 does not exist',
    ])
  })
})

describe('an operator who asks for sizes and places', () => {
  test('is told how large the log of each partition is', async () => {
    const { ask, node } = await brokerToAsk()
    const log = node.services.topics.log('orders', 1)
    log.append(batchOf([{ value: 'x' }]))
    const reader = await ask(javaRequests.describeLogDirs.all)
    expect([reader.int32(), reader.int16()]).toEqual([0, errorCodes.none])
    const folders = reader.structs(() => ({
      fault: reader.int16(),
      path: reader.string(),
      sizes: readPartitions(reader, () => [reader.int32(), reader.int64(), reader.int64(), reader.boolean()]),
      volumeBytes: [reader.int64(), reader.int64()],
    }))
    expect(isAtItsEnd(reader)).toBe(true)
    const sizes = [
      [0, 0, 0, false],
      [1, log.sizeBytes, 0, false],
    ]
    expect(log.sizeBytes).toBeGreaterThan(60)
    expect(folders).toEqual([
      { fault: errorCodes.none, path: 'memory:/topics', sizes: [['orders', sizes]], volumeBytes: [-1, -1] },
    ])
  })

  test('is told of the one node, and who it is', async () => {
    const { ask, node } = await brokerToAsk()
    const reader = await ask(javaRequests.describeCluster.withFenced)
    expect([reader.int32(), reader.int16(), reader.nullableString(), reader.int8()]).toEqual([0, 0, null, 1])
    expect([reader.string(), reader.int32()]).toEqual([node.services.clusterId, 1])
    const nodes = reader.structs(() => [
      ...[reader.int32(), reader.string(), reader.int32()],
      ...[reader.nullableString(), reader.boolean()],
    ])
    expect(nodes).toEqual([[1, '127.0.0.1', 0, null, false]])
    expect(reader.int32()).toBe(-(2 ** 31))
    expect(isAtItsEnd(reader)).toBe(true)
  })

  test('is told that this is no endpoint of controllers', async () => {
    const { ask } = await brokerToAsk()
    const reader = await ask(javaRequests.describeCluster.withFenced.replace(/010100$/, '020100'))
    expect([reader.int32(), reader.int16()]).toEqual([0, errorCodes.mismatchedEndpointType])
  })

  test('is told that nothing is to be elected, and that nothing moves', async () => {
    const { ask } = await brokerToAsk()
    const elected = (reader: Reader) => {
      expect([reader.int32(), reader.int16()]).toEqual([0, errorCodes.none])
      const found = readPartitions(reader, () => [
        ...[reader.int32(), reader.int16()],
        reader.nullableString(),
      ])
      expect(isAtItsEnd(reader)).toBe(true)
      return found
    }
    const { oneAndNone, all } = javaRequests.electLeaders
    expect(elected(await ask(oneAndNone))).toEqual([
      ['none', [[0, errorCodes.unknownTopicOrPartition, 'No such topic-partition.']]],
      ['orders', [[0, errorCodes.electionNotNeeded, 'Leader election not needed for topic partition.']]],
    ])
    expect(elected(await ask(all))).toEqual([])
    for (const request of Object.values(javaRequests.listPartitionReassignments)) {
      const reader = await ask(request)
      expect([reader.int32(), reader.int16(), reader.nullableString()]).toEqual([0, 0, null])
      expect(reader.structs(() => reader.string())).toEqual([])
      expect(isAtItsEnd(reader)).toBe(true)
    }
  })

  test('is told where the latest record by time is, and where the log begins and ends', async () => {
    const { ask, node } = await withTransaction()
    const log = node.services.topics.log('orders', 0)
    const findIn = (reader: Reader) => {
      expect(reader.int32()).toBe(0)
      const topics = readPartitions(reader, () => ({
        place: [reader.int32(), reader.int16()],
        found: [reader.int64(), reader.int64(), reader.int32()],
      }))
      expect(isAtItsEnd(reader)).toBe(true)
      expect(topics[0]?.[1][0]?.place).toEqual([0, errorCodes.none])
      return topics[0]?.[1][0]?.found
    }
    const { ofLatestRecord, earliestLocal, endOfCommitted } = javaRequests.listOffsets
    const epoch = log.leaderEpoch
    const latestMs = 1_700_000_001_000
    log.append(batchOf([{ value: 'late' }], { timestampMs: latestMs }))
    log.append(batchOf([{ value: 'early' }], { timestampMs: latestMs - 10 }))
    log.append(batchOf([{ value: 'as late' }], { timestampMs: latestMs }))
    expect(findIn(await ask(ofLatestRecord))).toEqual([latestMs, 1, epoch])
    expect(findIn(await ask(earliestLocal))).toEqual([-1, 0, epoch])
    expect(findIn(await ask(endOfCommitted))).toEqual([-1, 0, epoch]) // The transaction is open.
    log.deleteBefore(4)
    expect(findIn(await ask(ofLatestRecord))).toEqual([-1, -1, -1])
    expect(findIn(await ask(earliestLocal))).toEqual([-1, 4, epoch])
  })
})

describe('an operator who asks for what there is none of', () => {
  const refusal = [errorCodes.securityDisabled, 'No Authorizer is configured on the broker']

  test('is told that nobody is authorized here, as Kafka does without an authorizer', async () => {
    const { ask } = await brokerToAsk()
    const described = await ask(javaRequests.describeAcls.any)
    expect([described.int32(), described.int16(), described.nullableString()]).toEqual([0, ...refusal])
    expect(described.structs(() => undefined)).toEqual([])
    expect(isAtItsEnd(described)).toBe(true)
    const created = await ask(javaRequests.createAcls.one)
    expect(created.int32()).toBe(0)
    expect(created.structs(() => [created.int16(), created.nullableString()])).toEqual([refusal])
    expect(isAtItsEnd(created)).toBe(true)
    const deleted = await ask(javaRequests.deleteAcls.any)
    expect(deleted.int32()).toBe(0)
    expect(
      deleted.structs(() => [
        ...[deleted.int16(), deleted.nullableString()],
        ...deleted.structs(() => 'an ACL'),
      ]),
    ).toEqual([refusal])
    expect(isAtItsEnd(deleted)).toBe(true)
  })

  test('is told that there are no users and no quotas', async () => {
    const { ask } = await brokerToAsk()
    const usersIn = (reader: Reader) => {
      expect([reader.int32(), reader.int16(), reader.nullableString()]).toEqual([0, 0, null])
      const users = reader.structs(() => [
        ...[reader.string(), reader.int16(), reader.nullableString()],
        ...reader.structs(() => 'a credential'),
      ])
      expect(isAtItsEnd(reader)).toBe(true)
      return users
    }
    const { all, alice } = javaRequests.describeUserScramCredentials
    expect(usersIn(await ask(all))).toEqual([])
    const unknown = 'Attempt to describe a user credential that does not exist: alice'
    expect(usersIn(await ask(alice))).toEqual([['alice', errorCodes.resourceNotFound, unknown]])
    const quotas = await ask(javaRequests.describeClientQuotas.ofAlice)
    expect([quotas.int32(), quotas.int16(), quotas.nullableString()]).toEqual([0, 0, null])
    expect(quotas.nullableStructs(() => undefined)).toEqual([])
    expect(isAtItsEnd(quotas)).toBe(true)
  })
})

function hex(text: string): string {
  return Buffer.from(text).toString('hex')
}
