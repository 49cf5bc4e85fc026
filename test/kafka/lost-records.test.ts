import { beforeEach, describe, expect, test } from 'vitest'
import type { Kafka } from '../../src/kafka/types.ts'
import { SimulatedBroker } from '../../src/testing/simulation/simulated-broker.ts'
import { simulatedKafka } from '../../src/testing/simulation/simulated-kafka.ts'
import { World } from '../../src/testing/simulation/world.ts'
import { type GroupRecorder, joinGroup } from './group-recorder.ts'
import { numbered } from './records.ts'

const limitMs = 120_000
const topic = 'topic'
const groupId = 'group'
const lost = { code: 'KAFKA_FAILED', retryable: false, place: { topic, partition: 0, offset: 10 } }

let world: World
let broker: SimulatedBroker
let kafka: Kafka

beforeEach(async () => {
  world = new World(1)
  broker = new SimulatedBroker(world, { nodes: 3 })
  await world.ended(broker.start(), limitMs)
  kafka = newKafka()
  await world.ended(kafka.admin.ensureTopics([{ name: topic, partitions: 1 }]), limitMs)
})

const newKafka = () => simulatedKafka(world, world.machine('client'), broker.addresses)

async function produce(count: number, prefix: string): Promise<void> {
  const producer = kafka.producer()
  await world.ended(producer.send(topic, 0, numbered(count, prefix)), limitMs)
  await world.ended(producer.close(), limitMs)
}

async function reading(by: Kafka, count: number): Promise<GroupRecorder> {
  const member = joinGroup(by, { groupId, topics: [topic] })
  const done = () => member.values.length >= count || member.state.error !== undefined
  expect(await world.until(done, limitMs)).toBe(true)
  return member
}

const failed = (member: GroupRecorder) => world.until(() => member.state.error !== undefined, limitMs)

describe('a consumer whose topic has lost records that it had read', () => {
  test('says so, where the log has grown again behind it, and gives none of what grew', async () => {
    await produce(10, 'old')
    const member = await reading(kafka, 10)
    await world.ended(broker.loseEnd(0), limitMs)
    await produce(30, 'new')
    expect(await failed(member)).toBe(true)
    expect(member.state.error).toMatchObject({ ...lost, message: expect.stringContaining('lost its end') })
    expect(member.values.filter((value) => value.startsWith('new'))).toEqual([])
  })

  test('says so, where the log ends before what it had read', async () => {
    await produce(10, 'old')
    const member = await reading(kafka, 10)
    await world.ended(broker.loseEnd(0), limitMs)
    expect(await failed(member)).toBe(true)
    expect(member.state.error).toMatchObject(lost)
  })

  test.each(['group', 'transaction'] as const)(
    'says so after a restart, from the offsets of its %s',
    async (by) => {
      await produce(10, 'old')
      const member = await reading(kafka, 10)
      const offsets = [{ topic, partition: 0, offset: 10 }]
      if (by === 'group') await world.ended(member.consumer.commit(offsets), limitMs)
      await world.ended(member.consumer.close(), limitMs)
      if (by === 'transaction') {
        const transactions = await world.ended(
          kafka.transactionalProducer({ transactionalId: 'task' }),
          limitMs,
        )
        await world.ended(transactions.sendOffsets(groupId, offsets), limitMs)
        await world.ended(transactions.commit(), limitMs)
      }
      await world.ended(broker.loseEnd(0), limitMs)
      await produce(30, 'new')
      const successor = await reading(newKafka(), 1)
      expect(successor.state.error).toMatchObject(lost)
      expect(successor.values).toEqual([])
    },
  )

  test('says so, where the topic was made anew', async () => {
    await produce(10, 'old')
    const member = await reading(kafka, 10)
    await world.ended(kafka.admin.deleteTopics([topic]), limitMs)
    await world.ended(kafka.admin.ensureTopics([{ name: topic, partitions: 1 }]), limitMs)
    await produce(30, 'new')
    expect(await failed(member)).toBe(true)
    expect(member.state.error).toMatchObject(lost)
    expect(member.values.filter((value) => value.startsWith('new'))).toEqual([])
  })
})

test('a consumer reads on, each record once, while leaders move and none of them has lost anything', async () => {
  const member = await reading(kafka, 0)
  for (let round = 0; round < 5; round++) {
    await produce(4, `${round}-`)
    broker.move('leader', 0)
    if (round === 2) broker.killNode(0.5, 5_000)
    await world.pass(3_000)
  }
  expect(await world.until(() => member.values.length >= 20, limitMs)).toBe(true)
  expect(member.state.error).toBeUndefined()
  expect(new Set(member.values).size).toBe(20)
})
