import { describe, expect, test } from 'vitest'
import { errorCodes } from '../../../src/broker/protocol/error-codes.ts'
import type { Reader } from '../../../src/broker/protocol/reader.ts'
import { Writer } from '../../../src/broker/protocol/writer.ts'
import { brokerToAsk, isAtItsEnd } from './asked.ts'
import { javaRequests } from './java-requests.ts'

const { none, unknownMemberId, groupSubscribedToTopic, groupIdNotFound, fencedInstanceId, nonEmptyGroup } =
  errorCodes
const ofOrders = { topic: 'orders', partition: 0 }

/** What a consumer says of itself: to what it has subscribed. */
function subscription(topic: string): Buffer {
  const writer = new Writer().int16(1)
  writer.array([topic], (name) => writer.string(name))
  return Buffer.concat(writer.bytes(Buffer.alloc(0)).frame().slice(1))
}

/** A broker with the group `readers`: one member, `i1`, with an offset. */
async function withGroup({ topic = 'orders', protocolType = 'consumer' } = {}) {
  const broker = await brokerToAsk()
  const { groups } = broker.node.services
  const metadata = subscription(topic)
  const joined = await groups.join('readers', {
    ...{ memberId: '', instanceId: 'i1', clientId: 'c', clientHost: 'h', protocolType },
    ...{ sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, learnsIdFirst: true },
    protocols: [{ name: 'range', metadata }],
  })
  const { memberId, generation } = joined
  await groups.get('readers')?.sync({
    ...{ memberId, generation, instanceId: 'i1' },
    assignments: [{ memberId, assignment: Buffer.from('all') }],
  })
  const commit = (instanceId: string | null, committer = memberId) =>
    groups.commit('readers', { memberId: committer, instanceId, generation }, [
      { ...ofOrders, offset: 5, metadata: null },
    ])
  expect(commit('i1')).toBe(none)
  const left = (request: string) => broker.ask(request, { isFlexible: false })
  return { ...broker, memberId, metadata, commit, askPlainly: left }
}

describe('groups, as operators see them', () => {
  test('are listed by their state and their type', async () => {
    const { ask } = await withGroup()
    const listed = (reader: Reader) => {
      expect([reader.int32(), reader.int16()]).toEqual([0, none])
      const groups = reader.structs(() => [
        ...[reader.string(), reader.string()],
        ...[reader.string(), reader.string()],
      ])
      expect(isAtItsEnd(reader)).toBe(true)
      return groups
    }
    const { stableConsumers } = javaRequests.listGroups
    const ofType = (type: string) => stableConsumers.replace(/0309436f.*00$/, `02${compact(type)}00`)
    const readers = ['readers', 'consumer', 'Stable', 'classic']
    expect(listed(await ask(stableConsumers))).toEqual([readers])
    expect(listed(await ask(ofType('Classic')))).toEqual([readers])
    expect(listed(await ask(ofType('Share')))).toEqual([])
    expect(listed(await ask(stableConsumers.replace(hex('Stable'), hex('Absent'))))).toEqual([])
  })

  test('are described with the names of their members', async () => {
    const { ask, memberId, metadata } = await withGroup()
    const reader = await ask(javaRequests.describeGroups.readers)
    expect(reader.int32()).toBe(0)
    const groups = reader.structs(() => ({
      group: [reader.int16(), reader.string(), reader.string(), reader.string(), reader.string()],
      members: reader.structs(() => ({
        ids: [reader.string(), reader.nullableString()],
        client: [reader.string(), reader.string()],
        metadata: reader.bytes(),
        assignment: reader.bytes(),
      })),
      operations: reader.int32(),
    }))
    expect(isAtItsEnd(reader)).toBe(true)
    expect(groups).toEqual([
      {
        group: [none, 'readers', 'Stable', 'consumer', 'range'],
        members: [
          {
            ...{ ids: [memberId, 'i1'], client: ['c', 'h'], metadata },
            assignment: Buffer.from('all'),
          },
        ],
        operations: -(2 ** 31),
      },
    ])
  })

  test('lose a member that is named by its instance alone', async () => {
    const { askPlainly, node } = await withGroup()
    const left = (reader: Reader) => {
      expect([reader.int32(), reader.int16()]).toEqual([0, none])
      return reader.array(() => [reader.string(), reader.nullableString(), reader.int16()])
    }
    const { i1, i2 } = javaRequests.leaveGroup
    expect(left(await askPlainly(i2))).toEqual([['', 'i2', unknownMemberId]])
    expect(node.services.groups.get('readers')?.state).toBe('Stable')
    expect(left(await askPlainly(i1))).toEqual([['', 'i1', none]])
    expect(node.services.groups.get('readers')?.state).toBe('Empty')
  })

  test('let no member leave or commit under a name that another one has', async () => {
    const { node, commit, memberId } = await withGroup()
    const group = node.services.groups.get('readers')
    expect(group?.leave('somebody', 'i1')).toBe(fencedInstanceId)
    expect(commit('i1', 'somebody')).toBe(fencedInstanceId)
    expect(group?.leave(memberId, 'i1')).toBe(none)
  })
})

describe('offsets that are deleted', () => {
  const outcome = (reader: Reader) => {
    const said = [reader.int16(), reader.int32()]
    const topics = reader.array(() => [reader.string(), reader.array(() => [reader.int32(), reader.int16()])])
    expect(reader.remainingBytes).toBe(0)
    return [said[0], topics]
  }
  const { ofReaders, ofNobody } = javaRequests.offsetDelete

  test('are gone, for good, once nobody has subscribed to their topic', async () => {
    const { askPlainly, node, memberId, directory, close } = await withGroup()
    const { groups, offsets } = node.services
    expect(outcome(await askPlainly(ofReaders))).toEqual([none, [['orders', [[0, groupSubscribedToTopic]]]]])
    expect(offsets.get('readers', 'orders', 0)?.offset).toBe(5)
    groups.get('readers')?.leave(memberId)
    expect(outcome(await askPlainly(ofReaders))).toEqual([none, [['orders', [[0, none]]]]])
    expect(offsets.get('readers', 'orders', 0)).toBeUndefined()
    await close()
    const again = await brokerToAsk(directory)
    expect(again.node.services.offsets.get('readers', 'orders', 0)).toBeUndefined()
  })

  test('are of a topic to which the members have not subscribed', async () => {
    const { askPlainly, node } = await withGroup({ topic: 'payments' })
    expect(outcome(await askPlainly(ofReaders))).toEqual([none, [['orders', [[0, none]]]]])
    expect(node.services.offsets.get('readers', 'orders', 0)).toBeUndefined()
  })

  test('are not of a group that there is none of, or whose members say nothing of topics', async () => {
    const { askPlainly } = await withGroup({ protocolType: 'connect' })
    expect(outcome(await askPlainly(ofNobody))).toEqual([groupIdNotFound, []])
    expect(outcome(await askPlainly(ofReaders))).toEqual([nonEmptyGroup, []])
  })
})

const hex = (text: string) => Buffer.from(text).toString('hex')

/** An item of a compact array. */
function compact(text: string): string {
  return Buffer.from([text.length + 1]).toString('hex') + hex(text)
}
