import { beforeEach, describe, expect, test } from 'vitest'
import type { Kafka, TransactionalProducer } from '../../src/kafka/types.ts'
import type { Machine } from '../../src/testing/simulation/machine.ts'
import { SimulatedBroker } from '../../src/testing/simulation/simulated-broker.ts'
import { simulatedKafka } from '../../src/testing/simulation/simulated-kafka.ts'
import { World } from '../../src/testing/simulation/world.ts'
import { records } from './records.ts'

/** Kafka's API keys. */
const [endTxn, txnOffsetCommit] = [26, 28]
const limitMs = 120_000
const topic = 'topic'
const transactionalId = 'task'

let world: World
let broker: SimulatedBroker
let machine: Machine
let kafka: Kafka

beforeEach(async () => {
  world = new World(1)
  broker = new SimulatedBroker(world)
  await world.ended(broker.start(), limitMs)
  machine = world.machine('client')
  kafka = simulatedKafka(world, machine, [broker.address])
  await world.ended(kafka.admin.ensureTopics([{ name: topic, partitions: 1 }]), limitMs)
})

function made(by: Kafka = kafka): Promise<TransactionalProducer> {
  return world.ended(by.transactionalProducer({ transactionalId }), limitMs)
}

async function visible(): Promise<number | undefined> {
  const [range] = await world.ended(kafka.admin.offsets(topic), limitMs)
  return range?.endOffset
}

describe('a transaction whose end is not answered', () => {
  test('is not ended again, and its late end does not end the one that comes after', async () => {
    const producer = await made()
    await world.ended(producer.send(topic, 0, records('first')), limitMs)
    world.onRequest(machine, endTxn, (connection) => connection.stall(0, 20_000))
    const ended = producer.commit()
    ended.catch(() => {})
    await expect(world.ended(ended, limitMs)).rejects.toMatchObject({
      code: 'KAFKA_FENCED',
      message: expect.stringContaining('an answer never came'),
    })

    const successor = await made(simulatedKafka(world, world.machine('other'), [broker.address]))
    await world.ended(successor.send(topic, 0, records('half')), limitMs)
    const before = await visible()
    await world.pass(8_000) // the late one has come by then, and this one has not timed out
    expect(await visible()).toBe(before)
    await world.ended(successor.send(topic, 0, records('of it')), limitMs)
    await world.ended(successor.commit(), limitMs)
    await world.pass(100)
    expect(await visible()).toBeGreaterThan(before as number)
  })
})

describe('offsets in a transaction whose answer is lost', () => {
  test('are sent again and committed, and the transaction is the last of its epoch', async () => {
    const producer = await made()
    world.onRequest(machine, txnOffsetCommit, (connection) => connection.lose(1))
    await world.ended(producer.sendOffsets('group', [{ topic, partition: 0, offset: 7 }]), limitMs)
    await world.ended(producer.commit(), limitMs)
    const [committed] = await world.ended(kafka.admin.committedOffsets('group', [topic]), limitMs)
    expect(committed?.offset).toBe(7)
    const next = producer.send(topic, 0, records('next'))
    next.catch(() => {})
    await expect(world.ended(next, limitMs)).rejects.toMatchObject({ code: 'KAFKA_FENCED' })
  })
})
