import { expect, test, vi } from 'vitest'
import { SimulatedBroker } from '../../src/testing/simulation/simulated-broker.ts'
import { simulatedKafka } from '../../src/testing/simulation/simulated-kafka.ts'
import { World } from '../../src/testing/simulation/world.ts'
import { onEachBroker } from './brokers.ts'
import { joinGroup } from './group-recorder.ts'
import { numbered } from './records.ts'

onEachBroker('the admin', (broker) => {
  test('makes missing topics and answers the real partition counts of all', async () => {
    const { admin } = broker.connect()
    const [present, missing] = [broker.name('present'), broker.name('missing')]
    expect(await admin.partitionCounts([present, missing])).toEqual(new Map())
    await admin.ensureTopics([{ name: present, partitions: 3 }])
    const topics = [
      { name: present, partitions: 5 },
      { name: missing, partitions: 2, config: { 'cleanup.policy': 'compact' } },
    ]
    const counts = new Map([
      [present, 3],
      [missing, 2],
    ])
    expect(await admin.ensureTopics(topics)).toEqual(counts)
    expect(await admin.partitionCounts([present, missing])).toEqual(counts)
  })

  test('lets several make the same topic at once', async () => {
    const name = broker.name('contested')
    const counts = await Promise.all(
      [1, 2, 3].map(() => broker.connect().admin.ensureTopics([{ name, partitions: 4 }])),
    )
    expect(counts).toEqual([1, 2, 3].map(() => new Map([[name, 4]])))
  })

  test('says what is wrong with a setting', async () => {
    const { admin } = broker.connect()
    const name = broker.name('bad')
    await expect(
      admin.ensureTopics([{ name, partitions: 1, config: { 'cleanup.policy': 'hoard' } }]),
    ).rejects.toMatchObject({ code: 'KAFKA_FAILED', retryable: false })
  })

  test('answers the range of each partition, before and after records are deleted', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka, 2)
    const producer = kafka.producer()
    await producer.send(topic, 1, numbered(10))
    await kafka.admin.deleteRecords(topic, 1, 4)
    expect(await kafka.admin.offsets(topic)).toEqual([
      { partition: 0, lowOffset: 0, endOffset: 0 },
      { partition: 1, lowOffset: 4, endOffset: 10 },
    ])
    await expect(kafka.admin.deleteRecords(topic, 1, 11)).rejects.toMatchObject({ code: 'KAFKA_FAILED' })
    await producer.close()
  })

  test('waits, before it answers settled offsets, for a transaction that may commit others', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka, 2)
    const groupId = broker.name('group')
    const producer = await kafka.transactionalProducer({ transactionalId: broker.name('task') })
    await producer.sendOffsets(groupId, [{ topic, partition: 0, offset: 7 }])
    const answers: unknown[] = []
    const settled = kafka.admin.settledOffsets(groupId, [{ topic, partition: 0 }])
    void settled.then((offsets) => answers.push(offsets))
    // Nothing is under way there.
    const other = await kafka.admin.settledOffsets(groupId, [{ topic, partition: 1 }])
    expect(other).toMatchObject([{ offset: undefined }])
    expect(await kafka.admin.committedOffsets(groupId, [topic])).toMatchObject([
      { offset: undefined },
      { offset: undefined },
    ])
    expect(answers).toEqual([])
    await producer.commit()
    expect(await settled).toEqual([{ topic, partition: 0, offset: 7, metadata: '' }])
    await producer.close()
  })

  test('answers the settings of a topic, those that are its own and those of the broker', async () => {
    const { admin } = broker.connect()
    const name = broker.name('compacted')
    await admin.ensureTopics([{ name, partitions: 1, config: { 'cleanup.policy': 'compact' } }])
    const config = await admin.topicConfig(name)
    expect(config.get('cleanup.policy')).toBe('compact')
    expect(config.get('delete.retention.ms')).toBe('86400000')
  })

  test('says which topic does not exist', async () => {
    const { admin } = broker.connect()
    await expect(admin.offsets('nowhere')).rejects.toMatchObject({
      code: 'KAFKA_FAILED',
      place: { topic: 'nowhere' },
    })
  })

  test('says where what can be read ends, and where what is written does', async () => {
    const kafka = broker.connect()
    const topic = await broker.topic(kafka)
    const producer = await kafka.transactionalProducer({ transactionalId: broker.name('open') })
    await producer.send(topic, 0, { keys: [null], values: [Buffer.from('v')], timestampsMs: [Date.now()] })
    expect(await kafka.admin.offsets(topic)).toMatchObject([{ endOffset: 0 }])
    expect(await kafka.admin.offsets(topic, 'read_uncommitted')).toMatchObject([{ endOffset: 1 }])
    const empty = await broker.topic(kafka)
    const of = [
      { topic: empty, partition: 0 },
      { topic, partition: 0 },
    ]
    const ranges = await kafka.admin.ranges(of)
    expect(new Map(ranges.map(({ topic: name, endOffset }) => [name, endOffset]))).toEqual(
      new Map([
        [empty, 0],
        [topic, 1],
      ]),
    )
    await producer.close()
  })

  test('names the members of a group, and forgets it with what it has committed once there are none', async () => {
    const kafka = broker.connect({ clientId: 'reader' })
    const topic = await broker.topic(kafka)
    const groupId = broker.name('group')
    expect(await kafka.admin.groupMembers(groupId)).toEqual([])
    const member = joinGroup(kafka, { groupId, topics: [topic] }, (event) => {
      if (event.type === 'revoking') event.done()
    })
    await vi.waitFor(() => expect(member.owned.size).toBe(1), { timeout: 20_000 })
    await member.consumer.commit([{ topic, partition: 0, offset: 0 }])
    expect(await kafka.admin.groupMembers(groupId)).toEqual(['reader'])
    expect(await kafka.admin.groupOwners(groupId)).toEqual([
      { topic, partition: 0, member: expect.stringMatching(/^reader-.+@[\d.]+$/) },
    ])
    await expect(kafka.admin.deleteGroup(groupId)).rejects.toMatchObject({
      code: 'KAFKA_FAILED',
      message: expect.stringContaining('NON_EMPTY_GROUP'),
    })
    await member.consumer.close()
    expect(await kafka.admin.committedOffsets(groupId, [topic])).toMatchObject([{ offset: 0 }])
    await kafka.admin.deleteGroup(groupId)
    expect(await kafka.admin.committedOffsets(groupId, [topic])).toMatchObject([{ offset: undefined }])
    await kafka.admin.deleteGroup(groupId)
  })
})

test('asks each leader once for the beginnings of its partitions, and once for their ends', async () => {
  const world = new World(1)
  const broker = new SimulatedBroker(world, { nodes: 3 })
  await world.ended(broker.start(), 10_000)
  const { admin } = simulatedKafka(world, world.machine('client'), broker.addresses)
  await world.ended(admin.ensureTopics([{ name: 'wide', partitions: 30 }]), 10_000)
  const offsets = () => world.ended(admin.offsets('wide'), 10_000)
  const ranges = await offsets()
  expect(ranges).toEqual(
    Array.from({ length: 30 }, (_, partition) => ({ partition, lowOffset: 0, endOffset: 0 })),
  )
  const before = world.messages
  await offsets()
  const [requestsOfLeader, leaders, metadataRequests] = [2, 3, 1]
  expect((world.messages - before) / 2).toBe(requestsOfLeader * leaders + metadataRequests)
})

test('asks each leader once for the ranges of all that it leads, of whatever topics', async () => {
  const world = new World(2)
  const broker = new SimulatedBroker(world, { nodes: 3 })
  await world.ended(broker.start(), 10_000)
  const { admin } = simulatedKafka(world, world.machine('client'), broker.addresses)
  const topics = ['one', 'two'].map((name) => ({ name, partitions: 6 }))
  await world.ended(admin.ensureTopics(topics), 10_000)
  const partitions = topics.flatMap(({ name: topic }) =>
    Array.from({ length: 6 }, (_, partition) => ({ topic, partition })),
  )
  const ranges = () => world.ended(admin.ranges(partitions), 60_000)
  expect(await ranges()).toHaveLength(12)
  const before = world.messages
  await ranges()
  const [requestsOfLeader, leaders] = [2, 3]
  expect((world.messages - before) / 2).toBe(requestsOfLeader * leaders)
})
