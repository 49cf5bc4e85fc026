import { beforeEach, describe, expect, test } from 'vitest'
import type { Kafka, KafkaProducer } from '../../src/kafka/types.ts'
import { silentLogger } from '../../src/logger.ts'
import { run } from '../../src/runtime/run.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import type { SimulatedBroker } from '../../src/testing/simulation/simulated-broker.ts'
import { simulatedKafka } from '../../src/testing/simulation/simulated-kafka.ts'
import type { World } from '../../src/testing/simulation/world.ts'
import { records } from '../kafka/records.ts'
import { simulatedSite } from '../support/simulated-site.ts'

const minuteMs = 60_000
const input = topic('in', { key: serdes.string, value: serdes.string })
const output = topic('out', { key: serdes.string, value: serdes.long })

const app = topology('app', ({ stream }) => {
  stream(input)
    .selectKey('by value', (value) => value)
    .groupByKey({ key: serdes.string })
    .count('seen')
    .toStream()
    .mapValues((count) => count ?? 0)
    .to(output)
})

let world: World
let broker: SimulatedBroker
let kafka: Kafka
let producer: KafkaProducer
let failure: unknown

beforeEach(async () => {
  ;({ world, broker, kafka } = await simulatedSite())
  producer = kafka.producer()
  const machine = world.machine('instance')
  const connected = simulatedKafka(world, machine, [broker.address])
  const running = run(app, { kafka: connected, clock: machine.clock, logger: silentLogger })
  failure = undefined
  running.done.catch((error) => {
    failure = error
  })
  await world.ended(running.started, minuteMs)
  await feed(5)
})

/** One after the other, each with time for a commit of its own. */
async function feed(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await world.ended(producer.send('in', 0, records('a')), minuteMs)
    await world.pass(200)
  }
}

const remove = (name: string) => world.ended(kafka.admin.deleteTopics([name]), minuteMs)

async function removeAndMake(name: string): Promise<void> {
  await remove(name)
  await world.pass(1_000)
  await world.ended(kafka.admin.ensureTopics([{ name, partitions: 1 }]), minuteMs)
}

async function failed(): Promise<boolean> {
  return world.until(() => failure !== undefined, 2 * minuteMs)
}

describe('a topic that vanishes while a program runs ends it, which says why', () => {
  test.each(['in', 'app-seen-repartition'])('%s, which it reads', async (name) => {
    await remove(name)
    expect(await failed()).toBe(true)
    expect(failure).toMatchObject({
      code: 'KAFKA_FAILED',
      message: expect.stringMatching(`${name}.*was deleted, or never made`),
    })
  })

  test.each(['out', 'app-seen-changelog'])('%s, which it writes', async (name) => {
    await remove(name)
    await feed(1)
    expect(await failed()).toBe(true)
    expect(failure).toMatchObject({
      code: 'KAFKA_FAILED',
      message: expect.stringMatching(`${name}.*was deleted, or never made`),
    })
  })

  test.each(['in', 'app-seen-repartition'])('%s, which is there again, but empty', async (name) => {
    await removeAndMake(name)
    expect(await failed()).toBe(true)
    expect(failure).toMatchObject({
      code: 'KAFKA_FAILED',
      message: expect.stringMatching(`${name}/0.*made anew`),
    })
  })

  test('a changelog that is there again, but empty: nothing more is committed', async () => {
    await removeAndMake('app-seen-changelog')
    const [before] = await world.ended(kafka.admin.offsets('out'), minuteMs)
    await feed(1)
    expect(await failed()).toBe(true)
    expect(failure).toMatchObject({
      code: 'KAFKA_FAILED',
      message: expect.stringMatching('app-seen-changelog/0 was known up to.*made anew'),
    })
    const [after] = await world.ended(kafka.admin.offsets('out'), minuteMs)
    const read = kafka.read('out', 0, { fromOffset: before?.endOffset ?? 0, toOffset: after?.endOffset ?? 0 })
    let found = 0
    await world.ended(
      read.forEach(({ chunk }) => {
        found += chunk.keys.length
      }),
      minuteMs,
    )
    expect(found).toBe(0)
  })
})

test('an output topic that is there again, but empty, is written on', async () => {
  await removeAndMake('out')
  await feed(3)
  await world.pass(minuteMs)
  expect(failure).toBeUndefined()
  const [range] = await world.ended(kafka.admin.offsets('out'), minuteMs)
  expect(range?.endOffset).toBeGreaterThan(0)
})
