import { beforeEach, describe, expect, test } from 'vitest'
import type { Kafka } from '../../src/kafka/types.ts'
import { silentLogger } from '../../src/logger.ts'
import { type Running, run } from '../../src/runtime/run.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { type Topology, topology } from '../../src/stream/topology.ts'
import type { SimulatedBroker } from '../../src/testing/simulation/simulated-broker.ts'
import { simulatedKafka } from '../../src/testing/simulation/simulated-kafka.ts'
import type { World } from '../../src/testing/simulation/world.ts'
import { records } from '../kafka/records.ts'
import { simulatedSite } from '../support/simulated-site.ts'

const minuteMs = 60_000
const input = topic('in', { key: serdes.string, value: serdes.string })
const table = topic('table', { key: serdes.string, value: serdes.string })
const output = topic('out', { key: serdes.string, value: serdes.string })

let world: World
let broker: SimulatedBroker
let kafka: Kafka

beforeEach(async () => {
  ;({ world, broker, kafka } = await simulatedSite())
})

function start(app: Topology): Running {
  const machine = world.machine('instance')
  const connected = simulatedKafka(world, machine, [broker.address])
  return run(app, { kafka: connected, clock: machine.clock, logger: silentLogger })
}

async function written(): Promise<number> {
  const [range] = await world.ended(kafka.admin.offsets('out'), minuteMs)
  return range?.endOffset ?? 0
}

describe('a topic that gets more partitions while it is read', () => {
  test('is read from all of them within a minute, by all instances of a stateless topology', async () => {
    const app = topology('stateless', ({ stream }) => {
      stream(input).to(output)
    })
    const instances = [start(app), start(app)]
    for (const { started } of instances) await world.ended(started, minuteMs)
    broker.addPartitions('in', 4)
    await world.pass(minuteMs)
    const producer = kafka.producer()
    for (const partition of [0, 1, 2, 3])
      await world.ended(producer.send('in', partition, records('a')), minuteMs)
    await world.pass(2_000)
    // Each with the marker of its transaction.
    expect(await written()).toBeGreaterThanOrEqual(8)
    const read = instances.flatMap((each) => each.status().partitions)
    expect(read.map(({ partition }) => partition).toSorted()).toEqual([0, 1, 2, 3])
  })

  test.each([
    [
      'state',
      topology('stateful', ({ stream }) => {
        stream(input).groupByKey().count('seen')
      }),
      /changelog "stateful-.*inputs have grown/,
    ],
    [
      'a join with a topic that has not grown',
      topology('joining', ({ stream, table: read }) => {
        stream(input)
          .join(read(table), (a) => a)
          .to(output)
      }),
      /in.*table/,
    ],
  ])('ends the program, which says why, where %s depends on their number', async (_, app, why) => {
    const running = start(app)
    let failure: unknown
    running.done.catch((error) => {
      failure = error
    })
    await world.ended(running.started, minuteMs)
    broker.addPartitions('in', 4)
    await world.pass(minuteMs)
    expect(failure).toMatchObject({ code: 'BAD_TOPOLOGY', message: expect.stringMatching(why) })
  })
})
