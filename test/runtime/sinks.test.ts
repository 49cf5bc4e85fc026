import { of } from 'rxjs'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { PlainRecord } from '../../src/records/chunk.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { KafkaRig } from '../support/kafka-rig.ts'
import { MemorySink } from '../support/memory-sink.ts'

const input = topic('in', { key: serdes.string, value: serdes.long })

function numbered(count: number, from = 0): PlainRecord<string, number>[] {
  return Array.from({ length: count }, (_, i) => ({ key: `k${i % 5}`, value: from + i, timestampMs: i }))
}

function sinkApp(sink: MemorySink<string, number>, batch = { rowsMax: 100, waitMsMax: 20 }) {
  return topology('sinking', ({ stream }) => {
    stream(input)
      .filter((value) => value % 10 !== 3)
      .batch(batch)
      .to(sink)
  })
}

const expected = (count: number) =>
  numbered(count)
    .map(({ value }) => value)
    .filter((value) => value % 10 !== 3)
const inOrder = (values: readonly number[]) => [...values].sort((a, b) => a - b)

let rig: KafkaRig
let sink: MemorySink<string, number>
beforeEach(async () => {
  rig = await KafkaRig.start()
  sink = new MemorySink()
})
afterEach(() => rig.close())

describe('a sink', () => {
  test('gets each record once, in batches of at most rowsMax, one contiguous range each', async () => {
    await rig.produce(input, numbered(1_000), 2)
    const running = rig.run(sinkApp(sink), { connections: { memory: {} } })
    await rig.workedOff([running], ['in'])
    expect(inOrder(sink.values)).toEqual(expected(1_000))
    expect(Math.max(...sink.batches.map(({ values }) => values.length))).toBeLessThanOrEqual(100)
    for (const partition of [0, 1]) {
      const offsets = sink.batches
        .filter((batch) => batch.partition === partition)
        .flatMap((batch) => batch.offsets)
      expect(offsets).toEqual(inOrder(offsets))
    }
  })

  test('goes on where the sink says, not where the group stands', async () => {
    await rig.produce(input, numbered(300))
    const first = rig.run(sinkApp(sink), { connections: { memory: {} } })
    await rig.workedOff([first], ['in'])
    await first.stop()
    await rig.produce(input, numbered(300, 300))
    const second = rig.run(sinkApp(sink), { connections: { memory: {} } })
    await rig.workedOff([second], ['in'])
    expect(inOrder(sink.values)).toEqual(expected(600))
  })

  test('that is slow pauses its partition: what waits is bounded, the others go on, and nothing is lost', async () => {
    const other = topic('other', { key: serdes.string, value: serdes.long })
    const quick = new MemorySink<string, number>()
    const app = topology('two-sinks', ({ stream }) => {
      stream(input).batch({ rowsMax: 100, waitMsMax: 20 }).to('slow', sink)
      stream(other).batch({ rowsMax: 1_000, waitMsMax: 20 }).to('quick', quick)
    })
    await rig.produce(input, numbered(20_000))
    await rig.produce(other, numbered(20_000))
    sink.hold()
    const running = rig.run(app, {
      connections: { memory: {} },
      recordsBufferedMax: 500,
      partitionFetchBytesMax: 4_096,
    })
    await vi.waitFor(() => expect(running.bufferedRecords()).toBeGreaterThanOrEqual(500))
    // As many fetches as the whole topic takes: were the slow partition not paused, it would be here by then.
    await rig.workedOff([running], ['other'])
    // The queue was full with one fetch more: a fetch is at least one batch, and a batch has at most 1,000 records.
    expect(running.bufferedRecords()).toBeLessThanOrEqual(500 + 1_000)
    expect(sink.writing).toBe(1)
    sink.release()
    await rig.workedOff([running], ['in'])
    expect(sink.values).toEqual(numbered(20_000).map(({ value }) => value))
  })

  test('follows a rival writer that was there first', async () => {
    await rig.produce(input, numbered(400))
    sink.hold()
    const running = rig.run(sinkApp(sink), { connections: { memory: {} } })
    await vi.waitFor(() => expect(sink.writing).toBe(1))
    sink.rivalWrites('in', 0, 250)
    sink.release()
    await rig.workedOff([running], ['in'])
    expect(sink.batches[0]?.offsets[0]).toBe(250)
    expect(sink.values).toEqual(expected(400).filter((value) => value >= 250))
  })

  test('that remembers more than the topic has is a clear error', async () => {
    await rig.produce(input, numbered(10))
    sink.rivalWrites('in', 0, 99)
    const running = rig.run(sinkApp(sink), { connections: { memory: {} } })
    await expect(running.done).rejects.toThrow(/has read in\/0 up to 99, but it ends at 10/)
  })

  test('that remembers more than the topic has is heard before a source appends anything there', async () => {
    await rig.produce(input, numbered(10))
    sink.rivalWrites('in', 0, 12)
    const app = topology('sourced', ({ source, stream }) => {
      source('numbers', of(1, 2, 3, 4, 5), { key: () => 'k' }).to(input)
      stream(input).batch({ rowsMax: 100, waitMsMax: 20 }).to(sink)
    })
    const running = rig.run(app, { connections: { memory: {} } })
    await expect(running.done).rejects.toThrow(/has read in\/0 up to 12, but it ends at 10/)
    expect(await rig.read(input)).toHaveLength(10)
  })

  test('writes what it has gathered when the program stops', async () => {
    await rig.produce(input, numbered(50))
    const app = sinkApp(sink, { rowsMax: 1_000, waitMsMax: 60_000 })
    const running = rig.run(app, { connections: { memory: {} } })
    await running.started
    await vi.waitFor(() => expect(running.status().nodes.find(({ name }) => name === 'in')?.total).toBe(50))
    expect(sink.values).toEqual([])
    await running.stop()
    expect(sink.values).toEqual(expected(50))
  })

  test('refuses records, which become dead letters with their bytes, place and reason; the others are written', async () => {
    sink.misfits = (value) => value === 5
    sink.refuses = (value) => value === 7
    await rig.produce(input, numbered(20))
    const running = rig.run(sinkApp(sink), { connections: { memory: {} } })
    await rig.workedOff([running], ['in'])
    expect(sink.values).toEqual(expected(20).filter((value) => value !== 5 && value !== 7))
    const letters = await rig.read(topic('in-dead-letters', { key: serdes.string, value: serdes.long }))
    expect(letters.map(({ key, value }) => ({ key, value }))).toEqual([
      { key: 'k0', value: 5 },
      { key: 'k2', value: 7 },
    ])
    expect(running.status().counters.dead_letters).toBe(2)
  })

  test('refuses a record where none may be left out, ends the program and says why', async () => {
    sink.refuses = (value) => value === 7
    await rig.produce(input, numbered(20))
    const running = rig.run(sinkApp(sink), { connections: { memory: {} }, onDecodeError: 'fail' })
    await expect(running.done).rejects.toThrow('7 is refused')
    expect(sink.values).toEqual([])
  })

  test('without its connection does not start', async () => {
    const running = rig.run(sinkApp(sink))
    await expect(running.done).rejects.toMatchObject({ code: 'BAD_CONFIG' })
  })
})
