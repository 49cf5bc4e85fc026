import { describe, expect, test } from 'vitest'
import { type BrokerNode, openNode } from '../../src/broker/node.ts'
import { type BrokerOptions, brokerConfig } from '../../src/broker/options.ts'
import { MemoryDirectory } from '../../src/storage/memory.ts'
import type { LogDirectory } from '../../src/storage/storage.ts'
import { batchOf, recordsIn, valuesIn, virtualClock } from './support.ts'

const clock = virtualClock()
const open = (directory: LogDirectory, options: BrokerOptions = {}) =>
  openNode(directory, brokerConfig({ clock, ...options }))

function create({ services }: BrokerNode, name: string): void {
  services.topics.create(
    { name, partitionCount: 1, replicationFactor: 1, config: { 'retention.ms': '-1' } },
    false,
  )
}

const logOf = ({ services }: BrokerNode, topic: string) => services.topics.log(topic, 0)
const committedOffset = ({ services }: BrokerNode) => services.offsets.get('group', 'in', 0)?.offset

/** A record of `in` is read, and its result is in `out`, with its offset. */
async function commitOne(node: BrokerNode): Promise<void> {
  const { transactions } = node.services
  const producer = { transactionalId: 'id', ...(await transactions.init('id', 10_000)) }
  logOf(node, 'in').append(batchOf([{ value: 'input' }]))
  transactions.addPartitions(producer, [{ topic: 'out', partition: 0 }])
  logOf(node, 'out').append(
    batchOf([{ value: 'output' }], { ...producer, baseSequence: 0, transactional: true }),
  )
  transactions.addGroup(producer, 'group')
  const offset = logOf(node, 'in').endOffset
  transactions.commitOffsets(producer, 'group', [{ topic: 'in', partition: 0, offset, metadata: null }])
  await transactions.end(producer, 'commit')
}

/** A broker whose recovery points say that one transaction is on the medium; a second one was committed since. */
async function twoTransactions() {
  const directory = new MemoryDirectory(clock)
  const node = await open(directory)
  for (const topic of ['in', 'out']) create(node, topic)
  await commitOne(node)
  await node.sync()
  const synced = { out: logOf(node, 'out').sizeBytes, state: stateFile(directory).sizeBytes }
  await commitOne(node)
  return { directory, synced }
}

const stateFile = (directory: LogDirectory) => directory.directory('state').open(`${'0'.repeat(20)}.log`)
const outFile = (directory: LogDirectory) =>
  directory
    .directory('topics')
    .directory('out.2')
    .directory('0')
    .open(`${'0'.repeat(20)}.log`)

describe('a start after a loss of power', () => {
  const losses = {
    'the records': (directory: LogDirectory, synced: { out: number }) =>
      outFile(directory).truncate(synced.out),
    'the marker': (directory: LogDirectory) => outFile(directory).truncate(outFile(directory).sizeBytes - 1),
    'the decision': (directory: LogDirectory, synced: { state: number }) =>
      stateFile(directory).truncate(synced.state),
  }

  test.each(Object.entries(losses))(
    'that took %s of a transaction has nothing of it, and of the one before all',
    async (_, lose) => {
      const { directory, synced } = await twoTransactions()
      lose(directory, synced)
      for (let starts = 0; starts < 2; starts++) {
        const node = await open(directory)
        expect(committedOffset(node)).toBe(1)
        expect([logOf(node, 'in').endOffset, logOf(node, 'out').lastStableOffset]).toEqual([1, 2])
        expect(valuesIn(logOf(node, 'out'))[0]).toBe('output')
        node.close()
      }
      const node = await open(directory)
      await commitOne(node)
      expect([committedOffset(node), recordsIn(logOf(node, 'out')).length]).toEqual([2, 4])
    },
  )

  test('does not end the next transaction with one that was decided', async () => {
    const { directory } = await twoTransactions()
    const node = await open(directory)
    const { transactions } = node.services
    let decidedBytes = 0
    const log = logOf(node, 'out')
    const append = log.appendMarker.bind(log)
    log.appendMarker = (...args) => {
      decidedBytes = stateFile(directory).sizeBytes
      append(...args)
    }
    await commitOne(node)
    const next = { transactionalId: 'id', producerId: 1, producerEpoch: 2 }
    transactions.addPartitions(next, [{ topic: 'out', partition: 0 }])
    log.append(batchOf([{ value: 'undecided' }], { ...next, baseSequence: 1, transactional: true }))
    stateFile(directory).truncate(decidedBytes)
    const after = await open(directory)
    expect(committedOffset(after)).toBe(3)
    expect(logOf(after, 'out').abortedIn(0, 100)).toMatchObject([{ firstOffset: 6 }])
  })

  test('is refused with fsync: always, under which it takes nothing that was acknowledged', async () => {
    const { directory, synced } = await twoTransactions()
    outFile(directory).truncate(synced.out)
    await expect(open(directory, { fsync: 'always' })).rejects.toThrow(
      /needs out\.2\/0 up to offset 4, but it ends at 2/,
    )
    expect(committedOffset(await open(directory, { fsync: 'never' }))).toBe(2)
  })

  test('that took nothing keeps all, though the recovery points don’t know of it', async () => {
    const { directory } = await twoTransactions()
    const node = await open(directory)
    expect([committedOffset(node), logOf(node, 'out').lastStableOffset]).toEqual([2, 4])
  })

  test('keeps producers fenced that were fenced in what it goes back behind', async () => {
    const { directory, synced } = await twoTransactions()
    outFile(directory).truncate(synced.out)
    const { transactions } = (await open(directory)).services
    expect((await transactions.init('id', 10_000)).producerEpoch).toBe(2)
  })
})

describe('a topic', () => {
  test('whose deletion was cut short is gone, and so are its files', async () => {
    const directory = new MemoryDirectory(clock)
    const node = await open(directory)
    create(node, 'orders')
    logOf(node, 'orders').append(batchOf([{ value: 'x' }]))
    const topics = directory.directory('topics')
    const remove = topics.removeDirectory.bind(topics)
    topics.removeDirectory = () => {
      throw new Error('killed here')
    }
    expect(() => node.services.topics.delete('orders')).toThrow('killed here')
    topics.removeDirectory = remove
    expect(topics.directories()).toEqual(['orders.1'])
    const again = await open(directory)
    expect([...again.services.topics.all()]).toEqual([])
    expect(topics.directories()).toEqual([])
  })

  test('is refused where it has partitions with records that the state does not know of', async () => {
    const directory = new MemoryDirectory(clock)
    create(await open(directory), 'orders')
    const stray = directory.directory('topics').directory('orders.1').directory('1')
    stray.open(`${'0'.repeat(20)}.log`).append(batchOf([{ value: 'x' }]))
    await expect(open(directory)).rejects.toMatchObject({ code: 'LOG_CORRUPT' })
  })
})

describe('recovery points', () => {
  const names = ['recovery-points.0', 'recovery-points.1']
  const contents = (directory: LogDirectory) =>
    names.map((name) => directory.open(name).read(0, 10_000).toString('hex'))

  test('are not written while nothing happens', async () => {
    const directory = new MemoryDirectory(clock)
    const node = await open(directory)
    create(node, 'orders')
    await node.sync()
    const modified = () => names.map((name) => directory.open(name).modifiedAtMs)
    const before = modified()
    await clock.advance(10_000)
    await node.sync()
    await node.tidy()
    expect(modified()).toEqual(before)
    logOf(node, 'orders').append(batchOf([{ value: 'x' }]))
    await node.sync()
    expect(modified()).not.toEqual(before)
  })

  test('are those before when a loss of power tears the last ones', async () => {
    const directory = new MemoryDirectory(clock)
    const node = await open(directory)
    create(node, 'orders')
    logOf(node, 'orders').append(batchOf([{ value: 'x' }]))
    await node.sync()
    const before = contents(directory)
    logOf(node, 'orders').append(batchOf([{ value: 'y' }]))
    await node.sync()
    const last = contents(directory).findIndex((content, i) => content !== before[i])
    directory.open(names[last] ?? '').truncate(20)
    directory
      .directory('topics')
      .directory('orders.1')
      .directory('0')
      .open(`${'0'.repeat(20)}.log`)
      .truncate(0)
    await expect(open(directory)).rejects.toThrow('offsets 0 to 0')
  })
})
