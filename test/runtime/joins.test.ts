import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { PlainRecord } from '../../src/records/chunk.ts'
import type { Running } from '../../src/runtime/run.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { subTopologiesOf } from '../../src/stream/sub-topologies.ts'
import { topic } from '../../src/stream/topic.ts'
import { type Declare, type Topology, topology } from '../../src/stream/topology.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'
import { within } from '../../src/windows/join-window.ts'
import { byKey, KafkaRig } from '../support/kafka-rig.ts'

const text = { key: serdes.string, value: serdes.nullable(serdes.string) }
const left = topic('left', text)
const right = topic('right', text)
const output = topic('out', text)

const joiner = (l: string | null, r: string | null) => `${l}+${r}`

/** A key's records lie in one partition, so each key's results are the same, in the same order. */
const byEachKey: Record<string, (declare: Declare) => void> = {
  'an inner join of streams': ({ stream }) =>
    stream(left)
      .join('j', stream(right), joiner, within({ ms: 20, graceMs: 1_000 }))
      .to(output),
  'a stream with a table': ({ stream, table }) => stream(left).leftJoin('j', table(right), joiner).to(output),
  'a stream with a versioned table': ({ stream, table }) =>
    stream(left)
      .join('j', table(right, { versionedMs: 10_000 }), joiner)
      .to(output),
  'an outer join of tables': ({ table }) =>
    table(left).outerJoin('j', table(right), joiner).toStream().to(output),
}

/** What goes through another topic comes in some order: only the last word of each key is certain. */
const atLast: Record<string, (declare: Declare) => void> = {
  'an inner foreign-key join': ({ table }) =>
    table(left)
      .join('j', table(right), { foreignKey: (value) => value }, joiner)
      .toStream()
      .to(output),
  'a left foreign-key join': ({ table }) =>
    table(left)
      .leftJoin('j', table(right), { foreignKey: (value) => value }, joiner)
      .toStream()
      .to(output),
  'a table of a stream with a new key, regrouped': ({ stream }) =>
    stream(left)
      .map((value, key) => [`${key}${value?.length ?? 0}`, value])
      .toTable('latest')
      .groupBy('by value', (value) => [value, 1])
      .count('n')
      .toStream()
      .mapValues(String)
      .to(output),
}

const records = (name: string, start: number): PlainRecord<string, string | null>[] =>
  Array.from({ length: 200 }, (_, i) => ({
    key: name === 'left' ? `k${(i * 7) % 9}` : `k${(i * 5) % 9}`,
    value: i % 17 === 0 ? null : `k${(i * 11 + start) % 9}`,
    timestampMs: i * 4 + start,
  }))
const inputs = { left: records('left', 0), right: records('right', 2) }

let rig: KafkaRig
beforeEach(async () => {
  rig = await KafkaRig.start()
})
afterEach(() => rig.close())

async function onBroker(
  app: Topology,
  partitions: { left: number; right: number },
  instances: number,
): Promise<PlainRecord<string, unknown>[]> {
  await rig.produce(left, inputs.left, partitions.left)
  await rig.produce(right, inputs.right, partitions.right)
  const runnings: Running[] = Array.from({ length: instances }, () => rig.run(app))
  const topics = subTopologiesOf(app).flatMap((sub) =>
    'inputs' in sub && sub.kind !== 'global'
      ? sub.inputs.map((node) =>
          node.type === 'repartition' ? `${app.name}-${node.topicName}` : node.topic.name,
        )
      : [],
  )
  await Promise.all(runnings.map(({ started }) => started))
  await rig.workedOff(runnings, topics)
  return rig.read(output)
}

/** The inputs by time, as a task takes them. */
function inDriver(app: Topology): PlainRecord<string, unknown>[] {
  const driver = new TestDriver(app)
  const reads = new Set(app.nodes.flatMap((node) => (node.type === 'topic-source' ? [node.topic.name] : [])))
  const all = [
    ...inputs.left.map((record) => [left, record] as const),
    ...inputs.right.map((record) => [right, record] as const),
  ]
  for (const [of, record] of all.toSorted(([, a], [, b]) => a.timestampMs - b.timestampMs))
    if (reads.has(of.name)) driver.pipe(of, record)
  const expected = driver.read(output)
  expect(expected.length).toBeGreaterThan(50)
  return expected
}

const app = (declare: (declare: Declare) => void) => topology('app', declare)

describe.each([
  { partitions: 1, instances: 1 },
  { partitions: 3, instances: 1 },
  { partitions: 3, instances: 2 },
])(
  'joins on $partitions partition(s) and $instances instance(s), as in the test driver',
  ({ partitions, instances }) => {
    test.each(Object.entries(byEachKey))('%s', async (_, declare) => {
      const found = await onBroker(app(declare), { left: partitions, right: partitions }, instances)
      expect(byKey(found)).toEqual(byKey(inDriver(app(declare))))
    })

    test.each(Object.entries(atLast))('%s', async (_, declare) => {
      // A foreign-key join's sides need not have equally many partitions.
      const found = await onBroker(
        app(declare),
        { left: partitions, right: partitions === 1 ? 1 : 2 },
        instances,
      )
      expect(last(found)).toEqual(last(inDriver(app(declare))))
    })
  },
)

test('a stream with a global table, which is read to its end before anything else', async () => {
  const declare = ({ stream, globalTable }: Declare) =>
    stream(left)
      .leftJoin('j', globalTable(right), { foreignKey: (value) => value }, joiner)
      .to(output)
  const driver = new TestDriver(app(declare))
  driver.pipe(right, ...inputs.right)
  driver.pipe(left, ...inputs.left)
  const expected = driver.read(output)
  expect(expected.length).toBeGreaterThan(100)
  expect(byKey(await onBroker(app(declare), { left: 3, right: 2 }, 2))).toEqual(byKey(expected))
})

test('topics with different numbers of partitions do not join: the error names both', async () => {
  await rig.produce(left, inputs.left, 2)
  await rig.produce(right, inputs.right, 3)
  const running = rig.run(app(({ table }) => table(left).join('both', table(right), joiner)))
  await expect(running.started).rejects.toThrow(
    '"both" brings together topics with different numbers of partitions',
  )
})

function last(all: PlainRecord<string, unknown>[]): Record<string, unknown> {
  const values = Object.entries(byKey(all)).map(([key, results]) => [key, results.at(-1)?.[0]])
  // A row that is gone may have been there, or not, in between.
  return Object.fromEntries(values.filter(([, value]) => value !== null && value !== undefined))
}
