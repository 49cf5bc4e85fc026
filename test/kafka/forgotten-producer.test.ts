import { firstValueFrom, toArray } from 'rxjs'
import { beforeEach, describe, expect, test } from 'vitest'
import { RivuletError } from '../../src/errors.ts'
import { type Cluster, createCluster } from '../../src/kafka/cluster.ts'
import { createErrorFromCode } from '../../src/kafka/internals.ts'
import { createProducer } from '../../src/kafka/producer.ts'
import { Trouble } from '../../src/kafka/trouble.ts'
import type { Kafka } from '../../src/kafka/types.ts'
import { silentLogger } from '../../src/logger.ts'
import type { Machine } from '../../src/testing/simulation/machine.ts'
import { SimulatedBroker } from '../../src/testing/simulation/simulated-broker.ts'
import { simulatedKafka } from '../../src/testing/simulation/simulated-kafka.ts'
import { World } from '../../src/testing/simulation/world.ts'
import { records, valuesOf } from './records.ts'

const produce = 0
const unknownProducerId = 59
const limitMs = 120_000
const topic = 'topic'

let world: World
let broker: SimulatedBroker
let machine: Machine
let kafka: Kafka

beforeEach(async () => {
  world = new World(3)
  broker = new SimulatedBroker(world)
  await world.ended(broker.start(), limitMs)
  machine = world.machine('client')
  kafka = simulatedKafka(world, machine, [broker.address])
  await world.ended(kafka.admin.ensureTopics([{ name: topic, partitions: 1 }]), limitMs)
})

async function values(): Promise<(string | undefined)[]> {
  const [range] = await world.ended(kafka.admin.offsets(topic), limitMs)
  const toOffset = range?.endOffset ?? 0
  return valuesOf(
    await world.ended(firstValueFrom(kafka.read(topic, 0, { toOffset }).pipe(toArray())), limitMs),
  )
}

describe('a producer whose numbers the broker no longer knows', () => {
  test('appends once what was not there, though an answer was missed', async () => {
    const producer = kafka.producer()
    for (const value of 'abcdef') await world.ended(producer.send(topic, 0, records(value)), limitMs)
    await world.ended(broker.loseEnd(0), limitMs)
    world.onRequest(machine, produce, (connection) => connection.lose(1))
    await world.ended(producer.send(topic, 0, records('late')), limitMs)
    expect((await values()).filter((value) => value === 'late')).toEqual(['late'])
  })

  test('finds what is there, and does not append it again', async () => {
    const cluster = forgetful(clusterOf(machine))
    const producer = createProducer(cluster)
    await world.ended(producer.send(topic, 0, records('a', 'b')), limitMs)
    const sent = await world.ended(producer.send(topic, 0, records('late')), limitMs)
    expect(sent).toEqual({ baseOffset: 2 })
    await world.ended(producer.send(topic, 0, records('next')), limitMs)
    expect(await values()).toEqual(['a', 'b', 'late', 'next'])
  })

  test('says that it is not known, where what was appended behind its last batch is deleted', async () => {
    const cluster = forgetful(clusterOf(machine), () => kafka.admin.deleteRecords(topic, 0, 3))
    const producer = createProducer(cluster)
    await world.ended(producer.send(topic, 0, records('a', 'b')), limitMs)
    const sent = producer.send(topic, 0, records('late'))
    sent.catch(() => {})
    await expect(world.ended(sent, limitMs)).rejects.toMatchObject({ code: 'KAFKA_NO_ANSWER' })
  })

  test('is fenced, if it is a transactional one: its successor begins anew', async () => {
    const producer = await world.ended(kafka.transactionalProducer({ transactionalId: 'task' }), limitMs)
    for (const value of 'abcdef') await world.ended(producer.send(topic, 0, records(value)), limitMs)
    await world.ended(broker.loseEnd(0), limitMs)
    const sent = producer.send(topic, 0, records('late'))
    sent.catch(() => {})
    await expect(world.ended(sent, limitMs)).rejects.toMatchObject({ code: 'KAFKA_FENCED' })
    const successor = await world.ended(kafka.transactionalProducer({ transactionalId: 'task' }), limitMs)
    await world.ended(successor.send(topic, 0, records('again')), limitMs)
    await world.ended(successor.commit(), limitMs)
    expect(await values()).toEqual(['again'])
  })
})

function clusterOf({ clock }: Machine): Cluster {
  const options = { clock, logger: silentLogger }
  return createCluster({
    ...options,
    brokers: [broker.address],
    clientId: 'forgetful',
    trouble: new Trouble(options),
    socketFactory: ({ host, port, onConnect }) =>
      world.connect(machine, `${host}:${port}`, onConnect) as ReturnType<typeof world.connect> & never,
  })
}

/** The second batch is appended, but its answer is missed, and by the next try the broker has forgotten its producer. */
function forgetful(cluster: Cluster, meanwhile = async () => {}): Cluster {
  let batches = 0
  const withLeader: Cluster['withLeader'] = async (of, use, what, work) => {
    if (!what.includes('append to')) return cluster.withLeader(of, use, what, work)
    batches++
    if (batches === 3) {
      await meanwhile()
      throw createErrorFromCode(unknownProducerId)
    }
    const answer = await cluster.withLeader(of, use, what, work)
    if (batches === 2) throw new RivuletError('KAFKA_NO_ANSWER', 'the connection ended', { retryable: true })
    return answer
  }
  return new Proxy(cluster, {
    get: (target, key) => {
      if (key === 'withLeader') return withLeader
      const value = Reflect.get(target, key, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
