import { beforeEach, describe, expect, test } from 'vitest'
import type { Kafka } from '../../src/kafka/types.ts'
import { silentLogger } from '../../src/logger.ts'
import type { Processing } from '../../src/runtime/environment.ts'
import { type Running, run } from '../../src/runtime/run.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import type { OffsetReset } from '../../src/stream/offset-reset.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import type { SimulatedBroker } from '../../src/testing/simulation/simulated-broker.ts'
import { simulatedKafka } from '../../src/testing/simulation/simulated-kafka.ts'
import type { World } from '../../src/testing/simulation/world.ts'
import { simulatedSite } from '../support/simulated-site.ts'

const minuteMs = 60_000
const hourMs = 3_600_000
const input = topic('in', { key: serdes.string, value: serdes.string })
const output = topic('out', { key: serdes.string, value: serdes.string })

let world: World
let kafka: Kafka
let broker: SimulatedBroker

beforeEach(async () => {
  ;({ world, broker, kafka } = await simulatedSite())
  await world.ended(
    kafka.admin.ensureTopics([
      { name: 'in', partitions: 1 },
      { name: 'out', partitions: 1 },
    ]),
    minuteMs,
  )
})

async function append(value: string, ageMs: number): Promise<void> {
  const timestampMs = world.machine('writer').clock.now() - ageMs
  const records = { keys: [Buffer.from('k')], values: [Buffer.from(value)], timestampsMs: [timestampMs] }
  await world.ended(kafka.producer().send('in', 0, records), minuteMs)
}

async function start(offsetReset: OffsetReset | undefined, processing: Processing): Promise<Running> {
  const app = topology('reset', ({ stream }) => {
    stream(input, offsetReset === undefined ? {} : { offsetReset }).to(output)
  })
  const machine = world.machine('instance')
  const connected = simulatedKafka(world, machine, [broker.address])
  const running = run(app, { kafka: connected, clock: machine.clock, logger: silentLogger, processing })
  await world.ended(running.started, minuteMs)
  return running
}

async function written(): Promise<(string | undefined)[]> {
  await world.pass(5_000)
  const values: (string | undefined)[] = []
  const [range] = await world.ended(kafka.admin.offsets('out'), minuteMs)
  const read = new Promise<void>((resolve, reject) => {
    kafka.read('out', 0, { fromOffset: 0, toOffset: range?.endOffset ?? 0 }).subscribe({
      next: ({ chunk }) => {
        for (const value of chunk.values) values.push(value?.toString())
      },
      complete: resolve,
      error: reject,
    })
  })
  await world.ended(read, minuteMs)
  return values
}

describe.each(['exactly-once', 'at-least-once'] as const)(
  'a topic that is read for the first time, %s',
  (processing) => {
    test.each<[string, OffsetReset | undefined, readonly string[]]>([
      ['at its first record', undefined, ['old', 'fresh', 'new']],
      ['at its first record, by name', 'earliest', ['old', 'fresh', 'new']],
      ['behind its last record', 'latest', ['new']],
      ['at the first record that is young enough', { byDurationMs: hourMs }, ['fresh', 'new']],
      ['behind its last record where none is young enough', { byDurationMs: 1 }, ['new']],
    ])('is begun %s', async (_, offsetReset, expected) => {
      await append('old', 2 * hourMs)
      await append('fresh', minuteMs)
      await world.pass(minuteMs / 2)
      await start(offsetReset, processing)
      await append('new', 0)
      expect(await written()).toEqual(expected)
    })

    test('is begun once: what came while the program was away is not passed over', async () => {
      await append('old', 2 * hourMs)
      const first = await start('latest', processing)
      await world.ended(first.stop(), minuteMs)
      await append('while away', 0)
      await start('latest', processing)
      await append('new', 0)
      expect(await written()).toEqual(['while away', 'new'])
    })
  },
)
