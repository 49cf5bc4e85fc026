import { beforeEach, describe, expect, test } from 'vitest'
import type { Kafka } from '../../src/kafka/types.ts'
import { SimulatedBroker } from '../../src/testing/simulation/simulated-broker.ts'
import { simulatedKafka } from '../../src/testing/simulation/simulated-kafka.ts'
import { World } from '../../src/testing/simulation/world.ts'
import { records } from './records.ts'

const limitMs = 120_000
/** The others notice a node that is gone after 6 s, elect for a second, and hear of it in another one. */
const noticedMsMax = 8_000
const goesOnMsMax = noticedMsMax + 2_000
const hangsMs = 100_000
const partitions = 6

let world: World
let broker: SimulatedBroker
let kafka: Kafka

beforeEach(async () => {
  world = new World(1)
  broker = new SimulatedBroker(world, { nodes: 3 })
  await world.ended(broker.start(), limitMs)
  kafka = simulatedKafka(world, world.machine('client'), broker.addresses)
  await world.ended(kafka.admin.ensureTopics([{ name: 'topic', partitions }]), limitMs)
})

/** How long it takes once one of the nodes has hung. */
async function takenMs(pick: number, work: () => Promise<unknown>): Promise<number> {
  broker.hangNode(pick, hangsMs)
  const fromMs = world.time.nowMs
  await world.ended(work(), limitMs)
  return world.time.nowMs - fromMs
}

/** A record for each partition: each node leads some. */
const sent = (producer: { send: ReturnType<Kafka['producer']>['send'] }) =>
  Promise.all(
    Array.from({ length: partitions }, (_, partition) => producer.send('topic', partition, records('a'))),
  )

describe.each([0, 0.4, 0.8])('when a node hangs (%d of those there are)', (pick) => {
  test('what is sent to it goes to others as soon as these have noticed', async () => {
    const producer = kafka.producer()
    await world.ended(sent(producer), limitMs)
    expect(await takenMs(pick, () => sent(producer))).toBeLessThan(goesOnMsMax)
  })

  test('so does what is sent on connections that are yet to be opened', async () => {
    expect(await takenMs(pick, () => sent(kafka.producer()))).toBeLessThan(goesOnMsMax)
  })

  test('a transaction is made and ended by then', async () => {
    const transaction = async () => {
      const producer = await kafka.transactionalProducer({ transactionalId: 'task' })
      await sent(producer)
      await producer.commit()
      await producer.close()
    }
    await world.ended(transaction(), limitMs)
    expect(await takenMs(pick, transaction)).toBeLessThan(goesOnMsMax)
  })

  test('who cluster and topics are asked for is answered by another one within 3 s', async () => {
    await world.ended(kafka.admin.partitionCounts(['topic']), limitMs)
    broker.hangNode(pick, hangsMs)
    for (let i = 0; i < 6; i++) {
      const fromMs = world.time.nowMs
      await world.ended(kafka.admin.partitionCounts(['topic']), limitMs)
      expect(world.time.nowMs - fromMs).toBeLessThan(3_000)
    }
  })
})
