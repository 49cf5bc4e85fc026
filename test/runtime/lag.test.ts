import { afterEach, beforeEach, expect, test } from 'vitest'
import type { PlainRecord } from '../../src/records/chunk.ts'
import type { Running } from '../../src/runtime/run.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { KafkaRig } from '../support/kafka-rig.ts'
import { MemorySink } from '../support/memory-sink.ts'

const input = topic('in', { key: serdes.string, value: serdes.long })

function numbered(count: number): PlainRecord<string, number>[] {
  return Array.from({ length: count }, (_, i) => ({ key: 'k', value: i, timestampMs: i }))
}

const app = (sink: MemorySink<string, number>) =>
  topology('lagging', ({ stream }) => {
    const records = stream(input)
    records.batch({ rowsMax: 100, waitMsMax: 20 }).to('to memory', sink)
    records.groupByKey().count('counted')
  })

const small = { connections: { memory: {} }, recordsBufferedMax: 500, partitionFetchBytesMax: 4_096 }
/** How soon an operator is to see it. */
const seen = { timeout: 5_000 }

let rig: KafkaRig
let sink: MemorySink<string, number>
beforeEach(async () => {
  rig = await KafkaRig.start()
  sink = new MemorySink()
})
afterEach(() => rig.close())

const partitionOf = (running: Running) => running.status().partitions.find((of) => of.topic === 'in')
const readerOf = (running: Running, reader: string) =>
  partitionOf(running)?.readers.find((of) => of.reader === reader)

test('the lag is that to the real end of the log while a sink stands, and nothing is read any more', async () => {
  sink.hold()
  await rig.produce(input, numbered(10_000))
  const running = rig.run(app(sink), small)
  await expect.poll(() => partitionOf(running)?.lag, seen).toBe(10_000)
  await rig.produce(input, numbered(50_000))
  await expect.poll(() => partitionOf(running), seen).toMatchObject({ end_offset: 60_000, committed: 0 })
  expect(readerOf(running, 'to memory')).toMatchObject({ lag: 60_000, catches_up_in_seconds: null })
  await expect.poll(() => readerOf(running, 'to memory')?.lag_seconds, seen).toBeGreaterThan(1)
  sink.release()
  await expect.poll(() => partitionOf(running)?.lag, { timeout: 20_000 }).toBe(0)
  expect(readerOf(running, 'to memory')).toMatchObject({ lag: 0, lag_seconds: 0 })
})

test('so it is while a sink has never been open: what the group has committed is all that is known then', async () => {
  await rig.produce(input, numbered(10_000))
  let opened = () => {}
  const closed = {
    name: 'closed',
    connection: 'memory',
    open: () =>
      new Promise<Awaited<ReturnType<typeof sink.open>>>((resolve) => {
        opened = () => resolve(sink.open())
      }),
  }
  const waiting = topology('waiting', ({ stream }) => {
    stream(input).batch({ rowsMax: 1_000, waitMsMax: 20 }).to('to nowhere', closed)
  })
  const running = rig.run(waiting, small)
  await expect
    .poll(() => partitionOf(running), { timeout: 12_000 })
    .toMatchObject({ lag: 10_000, committed: 0, readers: [{ reader: 'to nowhere', lag: 10_000 }] })
  opened()
  await expect.poll(() => partitionOf(running)?.lag, { timeout: 10_000 }).toBe(0)
})

test('while Kafka does not answer, it is said since when the figure stands', async () => {
  sink.hold()
  await rig.produce(input, numbered(1_000))
  const running = rig.run(app(sink), small)
  await expect.poll(() => partitionOf(running)?.as_of, seen).toEqual(expect.any(String))
  await rig.broker.close()
  const asOf = partitionOf(running)?.as_of
  expect(Date.parse(asOf ?? '')).toBeLessThanOrEqual(Date.now())
  const before = readerOf(running, 'to memory')?.lag_seconds ?? 0
  await expect.poll(() => readerOf(running, 'to memory')?.lag_seconds, seen).toBeGreaterThan(before + 2)
  expect(partitionOf(running)).toMatchObject({ lag: 1_000, as_of: asOf })
  sink.release()
})
