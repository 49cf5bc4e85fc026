import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { PlainRecord } from '../../src/records/chunk.ts'
import type { Running } from '../../src/runtime/run.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { KafkaRig } from '../support/kafka-rig.ts'
import { MemorySink } from '../support/memory-sink.ts'

const input = topic('in', { key: serdes.string, value: serdes.long, partitions: 4 })
const sums = topic('sums', {
  key: serdes.string,
  value: serdes.nullable(serdes.json<number>()),
  partitions: 4,
})

const app = topology('shared', ({ stream }) => {
  stream(input)
    .groupByKey()
    .reduce('sum', (sum, value) => sum + value)
    .toStream()
    .to(sums)
})

let rig: KafkaRig
beforeEach(async () => {
  rig = await KafkaRig.start()
})
afterEach(() => rig.close())

function ones(count: number): PlainRecord<string, number>[] {
  return Array.from({ length: count }, (_, i) => ({ key: `k${i % 20}`, value: 1, timestampMs: i }))
}

const partitionsOf = (running: Running) => running.status().partitions.length

/** The sums of each key, in order: each record once means 1, 2, 3, … without gap or repetition. */
async function sumsByKey(): Promise<Map<unknown, unknown[]>> {
  const seen = new Map<unknown, unknown[]>()
  for (const { key, value } of await rig.read(sums)) seen.set(key, [...(seen.get(key) ?? []), value])
  return seen
}

function countingTo(last: number): number[] {
  return Array.from({ length: last }, (_, i) => i + 1)
}

test('instances that come and go share the partitions, and each record counts once', async () => {
  const first = rig.run(app)
  await first.started
  await rig.produce(input, ones(2_000))
  const second = rig.run(app)
  await vi.waitFor(() => expect([partitionsOf(first), partitionsOf(second)]).toEqual([2, 2]), 20_000)
  await rig.produce(input, ones(2_000))
  await rig.workedOff([first, second], ['in'])
  await rig.produce(input, ones(2_000))
  await first.stop()
  await vi.waitFor(() => expect(partitionsOf(second)).toBe(4), 20_000)
  await rig.workedOff([second], ['in'])
  for (const values of (await sumsByKey()).values()) expect(values).toEqual(countingTo(300))
})

test('who is fenced gives up what it has not committed, joins again, and nothing counts twice', async () => {
  const running = rig.run(app)
  await running.started
  await rig.produce(input, ones(1_000))
  await rig.workedOff([running], ['in'])
  // Somebody else takes the task over, as a second owner would after this one had been silent for too long.
  const usurper = await rig.kafka.transactionalProducer({ transactionalId: 'shared-in_0' })
  await rig.produce(input, ones(1_000))
  await vi.waitFor(() => expect(running.status().partitions.length).toBe(0), 10_000)
  await vi.waitFor(() => expect(running.status().partitions.length).toBe(4), 20_000)
  await rig.workedOff([running], ['in'])
  await usurper.close()
  for (const values of (await sumsByKey()).values()) expect(values).toEqual(countingTo(100))
})

test('a sink and the windows of one topic each go on from their own place', async () => {
  const sink = new MemorySink<string, number>()
  const both = topology('both', ({ stream }) => {
    const records = stream(input)
    records.batch({ rowsMax: 50, waitMsMax: 20 }).to(sink)
    records
      .groupByKey()
      .reduce('sum', (sum, value) => sum + value)
      .toStream()
      .to(sums)
  })
  await rig.produce(input, ones(1_000))
  // The sink is behind: it has nothing of what the sums have counted.
  sink.hold()
  const first = rig.run(both, { connections: { memory: {} }, stopTimeoutMs: 500 })
  await vi.waitFor(async () => expect((await rig.read(sums)).length).toBe(1_000), 20_000)
  await first.stop()
  const abandoned = sink.batches.length
  expect(abandoned).toBe(0)
  const again = new MemorySink<string, number>()
  const second = rig.run(
    topology('both', ({ stream }) => {
      const records = stream(input)
      records.batch({ rowsMax: 50, waitMsMax: 20 }).to(again)
      records
        .groupByKey()
        .reduce('sum', (sum, value) => sum + value)
        .toStream()
        .to(sums)
    }),
    { connections: { memory: {} } },
  )
  await second.started
  await rig.workedOff([second], ['in'])
  expect(again.values.length).toBe(1_000)
  for (const values of (await sumsByKey()).values()) expect(values).toEqual(countingTo(50))
})
