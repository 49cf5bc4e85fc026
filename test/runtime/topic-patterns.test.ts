import { beforeEach, describe, expect, test } from 'vitest'
import type { Kafka } from '../../src/kafka/types.ts'
import { silentLogger } from '../../src/logger.ts'
import { type Environment, type Running, run } from '../../src/runtime/run.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { type Topology, topology } from '../../src/stream/topology.ts'
import type { SimulatedBroker } from '../../src/testing/simulation/simulated-broker.ts'
import { simulatedKafka } from '../../src/testing/simulation/simulated-kafka.ts'
import type { World } from '../../src/testing/simulation/world.ts'
import { simulatedSite } from '../support/simulated-site.ts'

const minuteMs = 60_000
const text = { key: serdes.string, value: serdes.string }
const output = topic('out', text)
const copy = topology('orders', ({ stream }) => {
  stream(/^orders-/, text)
    .repartition('spread')
    .to(output)
})

let world: World
let broker: SimulatedBroker
let kafka: Kafka

beforeEach(async () => {
  ;({ world, broker, kafka } = await simulatedSite())
})

async function make(name: string, partitions = 1): Promise<void> {
  await world.ended(kafka.admin.ensureTopics([{ name, partitions }]), minuteMs)
}

async function append(name: string, value: string, partition = 0): Promise<void> {
  const records = { keys: [Buffer.from('k')], values: [Buffer.from(value)], timestampsMs: [1] }
  await world.ended(kafka.producer().send(name, partition, records), minuteMs)
}

async function start(app: Topology, options: Partial<Environment> = {}): Promise<Running> {
  const machine = world.machine('instance')
  const connected = simulatedKafka(world, machine, [broker.address])
  const running = run(app, { kafka: connected, clock: machine.clock, logger: silentLogger, ...options })
  await world.ended(running.started, minuteMs)
  return running
}

async function valuesIn(name: string): Promise<(string | undefined)[]> {
  const [range] = await world.ended(kafka.admin.offsets(name), minuteMs)
  const values: (string | undefined)[] = []
  const read = new Promise<void>((resolve, reject) => {
    kafka.read(name, 0, { fromOffset: 0, toOffset: range?.endOffset ?? 0 }).subscribe({
      next: ({ chunk }) => {
        for (const value of chunk.values) values.push(value?.toString())
      },
      complete: resolve,
      error: reject,
    })
  })
  await world.ended(read, minuteMs)
  return values.toSorted()
}

const topicsRead = (running: Running) =>
  [...new Set(running.status().partitions.map((of) => of.topic))].toSorted()

describe('a stream of all topics that a pattern finds', () => {
  test('reads those that are there at the start, all partitions of them', async () => {
    await make('orders-eu', 2)
    await make('orders-us')
    await make('reorders-eu')
    await append('orders-eu', 'a', 0)
    await append('orders-eu', 'b', 1)
    await append('orders-us', 'c')
    await append('reorders-eu', 'not this')
    await start(copy)
    await world.pass(5_000)
    expect(await valuesIn('out')).toEqual(['a', 'b', 'c'])
  })

  test('reads neither its own topics nor the dead letters of what it reads', async () => {
    await make('orders-eu')
    await make('orders-gone-dead-letters')
    const running = await start(copy)
    await world.pass(5_000)
    expect(await world.ended(kafka.admin.topicNames(), minuteMs)).toEqual(
      expect.arrayContaining(['orders-spread-repartition', 'orders-eu-dead-letters']),
    )
    expect(topicsRead(running)).toEqual(['orders-eu', 'orders-spread-repartition'])
  })

  test('finds a new topic within the metadata age, in all instances, and loses and doubles nothing', async () => {
    await make('orders-eu')
    const options = { metadataMaxAgeMs: 10_000 }
    const instances = [await start(copy, options), await start(copy, options)]
    await append('orders-eu', 'a')
    await make('orders-asia', 3)
    await append('orders-asia', 'b', 2)
    await world.pass(minuteMs)
    await append('orders-eu', 'c')
    await append('orders-asia', 'd', 1)
    await world.pass(5_000)
    expect(await valuesIn('out')).toEqual(['a', 'b', 'c', 'd'])
    const read = instances
      .flatMap((each) => each.status().partitions)
      .filter((of) => of.topic === 'orders-asia')
    expect(read.map(({ partition }) => partition).toSorted()).toEqual([0, 1, 2])
  })

  test('waits for a first topic where there is none', async () => {
    const running = await start(copy, { metadataMaxAgeMs: 10_000 })
    expect(topicsRead(running)).toEqual(['orders-spread-repartition'])
    await make('orders-eu')
    await append('orders-eu', 'a')
    await world.pass(minuteMs)
    expect(await valuesIn('out')).toEqual(['a'])
  })

  test('goes on where it was, as the same task, though another topic comes first by name', async () => {
    const counting = topology('counting', ({ stream }) => {
      stream(/^orders-/, text)
        .groupByKey()
        .count('orders')
        .toStream()
        .mapValues(String)
        .to(output)
    })
    await make('orders-eu')
    const running = await start(counting, { metadataMaxAgeMs: 10_000 })
    const tasks: string[] = []
    running.events$.subscribe((event) => {
      if (event.type === 'task-stopped' || event.type === 'task-started') tasks.push(event.task)
    })
    await append('orders-eu', 'x')
    await world.pass(5_000)
    await make('orders-asia')
    await append('orders-asia', 'y')
    await world.pass(minuteMs)
    expect(await valuesIn('out')).toEqual(['1', '2'])
    // Under the same name it has its checkpoint, and nobody else's transactions to end.
    expect(tasks).toEqual(['~-orders--_0', '~-orders--_0'])
    await world.ended(running.stop(), minuteMs)
  })

  test("takes no notice of topics without the environment's prefix", async () => {
    await make('orders-eu')
    await make('test-orders-eu')
    const running = await start(copy, { topicPrefix: 'test-' })
    await world.pass(5_000)
    expect(topicsRead(running)).toEqual(['test-orders-eu', 'test-orders-spread-repartition'])
  })

  test('ends the program where two patterns find a topic', async () => {
    await make('orders-eu')
    const twice = topology('twice', ({ stream }) => {
      stream(/^orders-/, text)
        .merge(stream(/-eu$/, text))
        .to(output)
    })
    const machine = world.machine('instance')
    const connected = simulatedKafka(world, machine, [broker.address])
    const running = run(twice, { kafka: connected, clock: machine.clock, logger: silentLogger })
    await expect(world.ended(running.done, minuteMs)).rejects.toThrow(/"orders-eu" is found by two patterns/)
  })
})
