import { concat, from, NEVER } from 'rxjs'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Environment } from '../../src/runtime/run.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import type { Sink } from '../../src/stream/sink.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { KafkaRig } from '../support/kafka-rig.ts'
import { MemorySink } from '../support/memory-sink.ts'

const input = topic('in', { key: serdes.string, value: serdes.long })
const output = topic('out', { key: serdes.string, value: serdes.long })

const sums = topology('sums', ({ stream }) => {
  stream(input)
    .groupByKey()
    .reduce('sum', (a, b) => a + b)
    .toStream()
    .filter((sum) => sum !== null)
    .to(output)
})

const sessionTimeoutMs = 2_000

let rig: KafkaRig
beforeEach(async () => {
  rig = await KafkaRig.start({ groupSessionTimeoutMsMin: sessionTimeoutMs })
})
afterEach(() => rig.close())

const one = (timestampMs: number) => ({ key: 'k', value: 1, timestampMs })

async function live(environment: Partial<Environment> = {}): Promise<void> {
  const running = rig.run(sums, environment)
  await Promise.race([running.started, running.done])
  await rig.workedOff([running], ['in'])
  await running.stop()
}

/** As Kafka does it, 7 days after the last member has left. */
const forgetOffsets = () => rig.kafka.admin.deleteGroup('sums')

describe("a group's offsets that were forgotten", () => {
  test('with state that rests on them, are asked back: nothing counts twice', async () => {
    await rig.produce(input, [one(1), one(2)])
    await live()
    await forgetOffsets()
    await rig.produce(input, [one(3)])
    await expect(rig.run(sums).done).rejects.toMatchObject({
      code: 'KAFKA_FAILED',
      message: expect.stringMatching(/^the state of task in_0 is there, but .* no offset for in\/0 any more/),
      place: { topic: 'in', partition: 0 },
    })
    expect((await rig.read(output)).map(({ value }) => value)).toEqual([1, 2])
  })

  test('are not missed where there is nothing to read again', async () => {
    await rig.produce(input, [one(1), one(2)])
    await live()
    await forgetOffsets()
    await rig.kafka.admin.deleteRecords('in', 0, 2)
    await live()
    await rig.produce(input, [one(3)])
    await live()
    expect((await rig.read(output)).map(({ value }) => value)).toEqual([1, 2, 3])
  })

  test('of a topic that was deleted and made anew, are asked back, too', async () => {
    await rig.produce(input, [one(1)])
    await live()
    await rig.kafka.admin.deleteTopics(['in'])
    await rig.produce(input, [one(2)])
    await expect(rig.run(sums).done).rejects.toMatchObject({
      message: expect.stringMatching(/no offset for in/),
    })
  })
})

describe('a topic that has lost its end while its sink is away', () => {
  const ticks = topic('ticks', { key: serdes.string, value: serdes.string })

  /** The sink opens when it is let. */
  function lateSink(sink: MemorySink<string, string>) {
    let letOpen = () => {}
    const isLet = new Promise<void>((resolve) => {
      letOpen = resolve
    })
    const late: Sink<string, string> = {
      name: 'late',
      connection: 'memory',
      open: async () => {
        await isLet
        return sink.open()
      },
    }
    return { late, letOpen: () => letOpen() }
  }

  /** Its source writes so many records to the topic at once. */
  async function runWith(sink: MemorySink<string, string>, written: number) {
    const { late, letOpen } = lateSink(sink)
    const values = Array.from({ length: written }, (_, i) => `new ${i}`)
    const everything = () => concat(from(values), NEVER)
    const app = topology('late', ({ source, stream }) => {
      source('everything', everything, { key: () => 'k', timestampMs: () => 1 }).to(ticks)
      stream(ticks).batch({ rowsMax: 100, waitMsMax: 10 }).to('to sink', late)
    })
    const environment = { connections: { memory: {} }, sessionTimeoutMs }
    const running = rig.run(app, environment)
    const isWritten = async () => (await rig.kafka.admin.offsets('ticks'))[0]?.endOffset
    await vi.waitFor(async () => expect(await isWritten()).toBeGreaterThanOrEqual(50 + written), {
      timeout: 10_000,
    })
    return { running, letOpen, runAnother: () => rig.run(app, environment) }
  }

  beforeEach(async () => {
    const kept = Array.from({ length: 50 }, (_, i) => ({ key: 'k', value: `old ${i}`, timestampMs: 1 }))
    await rig.produce(ticks, kept)
  })

  test('is refused when it is back, though the topic has grown beyond what it remembers', async () => {
    const sink = new MemorySink<string, string>()
    sink.rivalWrites('ticks', 0, 100)
    const { running, letOpen } = await runWith(sink, 70)
    letOpen()
    await expect(running.done).rejects.toMatchObject({
      message: expect.stringMatching(/^late has read ticks\/0 up to 100, but it ends at 50: .* lost its end/),
    })
    expect(sink.values).toEqual([])
  })

  test('is told from one that has not: all of it is written', async () => {
    const sink = new MemorySink<string, string>()
    sink.rivalWrites('ticks', 0, 20)
    const { letOpen } = await runWith(sink, 70)
    letOpen()
    await vi.waitFor(() => expect(sink.values).toHaveLength(100))
  })

  test('is told from one where somebody has written that the group had forgotten, and comes back', async () => {
    const sink = new MemorySink<string, string>()
    const { letOpen, runAnother } = await runWith(sink, 70)
    sink.rivalWrites('ticks', 0, 100)
    letOpen()
    runAnother()
    await vi.waitFor(() => expect(sink.values).toHaveLength(20))
  })
})
