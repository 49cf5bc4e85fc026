import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { PlainRecord } from '../../src/records/chunk.ts'
import type { Running } from '../../src/runtime/run.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { subTopologiesOf } from '../../src/stream/sub-topologies.ts'
import { topic } from '../../src/stream/topic.ts'
import { type Topology, topology } from '../../src/stream/topology.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'
import { hopping, tumbling } from '../../src/windows/windows.ts'
import { byKey, KafkaRig } from '../support/kafka-rig.ts'

const input = topic('in', { key: serdes.string, value: serdes.long })
const output = topic('out', { key: serdes.string, value: serdes.nullable(serdes.json<number>()) })

/** The same topic, for what is never null. */
const plain = topic('out', { key: serdes.string, value: serdes.json<number>() })

const topologies: Record<string, () => Topology> = {
  'a chain of stateless steps': () =>
    topology('stateless', ({ stream }) => {
      stream(input)
        .filter((value) => value % 3 !== 0)
        .flatMapValues((value) => [value, -value])
        .to(plain)
    }),
  'branches that meet again': () =>
    topology('branches', ({ stream }) => {
      const { small, large } = stream(input).split({
        small: (value) => value < 50,
        large: (value) => value >= 50,
      })
      small
        .mapValues((value) => 1_000 - value)
        .merge(large)
        .to(plain)
    }),
  'a running sum': () =>
    topology('sums', ({ stream }) => {
      stream(input)
        .groupByKey()
        .reduce('sum', (sum, value) => sum + value)
        .toStream()
        .to(output)
    }),
  'a windowed count': () =>
    topology('windows', ({ stream }) => {
      stream(input)
        .groupByKey()
        .windowedBy(hopping({ sizeMs: 40, advanceMs: 20, graceMs: 10_000 }))
        .count('count')
        .toStream()
        .map((count, { key, startMs }) => [`${key}@${startMs}`, count])
        .to(output)
    }),
}

/** Regrouped records of several partitions come interleaved in some order: only the last word of each key is certain. */
const regrouped: Record<string, () => Topology> = {
  'a count by a new key': () =>
    topology('regrouped', ({ stream }) => {
      stream(input)
        .groupBy('digit', (value) => `d${value % 10}`)
        .count('counts')
        .toStream()
        .to(output)
    }),
  'windows by a new key': () =>
    topology('rewindowed', ({ stream }) => {
      stream(input)
        .selectKey((value) => `p${value % 4}`)
        .groupByKey()
        .windowedBy(tumbling({ sizeMs: 100, graceMs: 10_000 }))
        .reduce('sum', (sum, value) => sum + value)
        .toStream()
        .map((sum, { key, startMs }) => [`${key}@${startMs}`, sum])
        .to(output)
    }),
}

const records: PlainRecord<string, number>[] = Array.from({ length: 300 }, (_, i) => ({
  key: `k${(i * 7) % 11}`,
  value: (i * 13) % 101,
  timestampMs: i * 3 + ((i * 5) % 17),
}))

let rig: KafkaRig
beforeEach(async () => {
  rig = await KafkaRig.start()
})
afterEach(() => rig.close())

async function onBroker(
  app: Topology,
  partitions: number,
  instances: number,
): Promise<PlainRecord<string, unknown>[]> {
  await rig.produce(input, records, partitions)
  const runnings: Running[] = Array.from({ length: instances }, () => rig.run(app))
  const topics = subTopologiesOf(app).flatMap((sub) =>
    'inputs' in sub
      ? sub.inputs.map((node) =>
          node.type === 'repartition' ? `${app.name}-${node.topicName}` : node.topic.name,
        )
      : [],
  )
  await Promise.all(runnings.map(({ started }) => started))
  await rig.workedOff(runnings, topics)
  return rig.read(output)
}

function inDriver(app: Topology): PlainRecord<string, unknown>[] {
  const driver = new TestDriver(app)
  driver.pipe(input, ...records)
  return driver.read(output)
}

describe.each([
  { partitions: 1, instances: 1 },
  { partitions: 3, instances: 1 },
  { partitions: 3, instances: 2 },
])(
  'on $partitions partition(s) and $instances instance(s), as in the test driver',
  ({ partitions, instances }) => {
    test.each(Object.entries(topologies))('%s', async (_, make) => {
      expect(byKey(await onBroker(make(), partitions, instances))).toEqual(byKey(inDriver(make())))
    })

    test.each(Object.entries(regrouped))('%s', async (_, make) => {
      const last = (all: PlainRecord<string, unknown>[]) =>
        Object.fromEntries(Object.entries(byKey(all)).map(([key, values]) => [key, values.at(-1)?.[0]]))
      expect(last(await onBroker(make(), partitions, instances))).toEqual(last(inDriver(make())))
    })
  },
)
