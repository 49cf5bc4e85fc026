import { describe, expect, test } from 'vitest'
import { type BrokerNode, openNode } from '../../../src/broker/node.ts'
import { brokerConfig } from '../../../src/broker/options.ts'
import { MemoryDirectory } from '../../../src/storage/memory.ts'
import { batchOf, recordsIn, virtualClock } from '../support.ts'

const place = { topic: 'orders', partition: 0 }

async function setUp() {
  const clock = virtualClock()
  const directory = new MemoryDirectory(clock)
  const open = () => openNode(directory, brokerConfig({ clock }))
  const node = await open()
  node.services.topics.create(
    { name: 'orders', partitionCount: 1, replicationFactor: 1, config: { 'retention.ms': '-1' } },
    false,
  )
  return { clock, open, node }
}

async function begin({ services }: BrokerNode, transactionalId = 'id', timeoutMs = 10_000) {
  const producer = { transactionalId, ...(await services.transactions.init(transactionalId, timeoutMs)) }
  services.transactions.addPartitions(producer, [place])
  const batch = batchOf([{ value: 'x' }], { ...producer, baseSequence: 0, transactional: true })
  services.topics.log('orders', 0).append(batch)
  services.transactions.addGroup(producer, 'group')
  services.transactions.commitOffsets(producer, 'group', [{ ...place, offset: 5, metadata: null }])
  return producer
}

const committed = (node: BrokerNode) =>
  recordsIn(node.services.topics.log('orders', 0), { committed: true }).length
const offsetIn = (node: BrokerNode) => node.services.offsets.get('group', 'orders', 0)?.offset

describe('transactions', () => {
  test('that were decided are ended after a crash between decision and marker, with their offsets', async () => {
    const { open, node } = await setUp()
    const producer = await begin(node)
    const log = node.services.topics.log('orders', 0)
    log.appendMarker = () => {
      throw new Error('killed here')
    }
    await expect(node.services.transactions.end(producer, 'commit')).rejects.toThrow('killed here')
    expect([log.lastStableOffset, offsetIn(node)]).toEqual([0, undefined])
    const after = await open()
    expect(after.services.topics.log('orders', 0).lastStableOffset).toBe(2)
    expect([committed(after), offsetIn(after)]).toEqual([2, 5]) // The record and the marker.
  })

  test('that were open at a crash go on, and time out as if nothing had happened', async () => {
    const { clock, open, node } = await setUp()
    const producer = await begin(node)
    node.close()
    await clock.advance(6_000)
    const after = await open()
    const { transactions, topics } = after.services
    expect(() => transactions.checkProduce(producer, place)).not.toThrow()
    await clock.advance(4_001)
    expect(topics.log('orders', 0).lastStableOffset).toBe(2)
    expect(offsetIn(after)).toBeUndefined()
    await expect(transactions.end(producer, 'commit')).rejects.toMatchObject({ code: 47 })
  })

  test('are fenced and aborted by the next owner of their id', async () => {
    const { node } = await setUp()
    const old = await begin(node)
    const { transactions, topics } = node.services
    const next = await transactions.init('id', 10_000)
    expect(next).toEqual({ producerId: old.producerId, producerEpoch: old.producerEpoch + 1 })
    expect(() => transactions.checkProduce(old, place)).toThrow(/epoch/)
    expect(topics.log('orders', 0).abortedIn(0, 2)).toHaveLength(1)
  })

  test('take no record for a partition that was not added, and end only once', async () => {
    const { node } = await setUp()
    const producer = await begin(node)
    const { transactions } = node.services
    expect(() => transactions.checkProduce(producer, { topic: 'orders', partition: 1 })).toThrow(/not part/)
    await transactions.end(producer, 'commit')
    await transactions.end(producer, 'commit') // The answer to the first may have been lost.
    await expect(transactions.end(producer, 'abort')).rejects.toMatchObject({ code: 48 })
    expect(offsetIn(node)).toBe(5)
  })

  test('get a new producer id when the epochs are used up', async () => {
    const { node } = await setUp()
    let last = await node.services.transactions.init('id', 10_000)
    const { producerId } = last
    for (let i = 0; last.producerId === producerId; i++) {
      if (i > 0x8000) throw new Error('never')
      last = await node.services.transactions.init('id', 10_000)
    }
    expect(last.producerEpoch).toBe(0)
  })
})
