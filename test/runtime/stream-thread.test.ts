import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { RivuletError } from '../../src/errors.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { KafkaRig } from '../support/kafka-rig.ts'
import { MemorySink } from '../support/memory-sink.ts'
import { WatchedKafka } from '../support/watched-kafka.ts'

const input = topic('in', { key: serdes.string, value: serdes.long })
const output = topic('out', { key: serdes.string, value: serdes.long })
const partitions = [{ topic: 'in', partition: 0 }]
const given = [{ topic: 'in', partition: 0, committedOffset: undefined, committedMetadata: '' }]

const copying = topology('copying', ({ stream }) => {
  stream(input).to(output)
})

const numbered = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ key: 'k', value: i, timestampMs: i }))

let rig: KafkaRig
let kafka: WatchedKafka
beforeEach(async () => {
  rig = await KafkaRig.start()
  kafka = new WatchedKafka(rig.kafka)
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rig.close()
})

describe('a task', () => {
  test('that is lost, and given back while it still ends, starts again', async () => {
    await rig.produce(input, numbered(10))
    const running = rig.run(copying, { kafka })
    await rig.workedOff([running], ['in'])
    const close = kafka.hold('close producer')
    kafka.group$.next({ type: 'lost', partitions })
    kafka.group$.next({ type: 'assigned', partitions: given })
    close()
    await rig.produce(input, numbered(10))
    await rig.workedOff([running], ['in'])
    expect((await rig.read(output)).map(({ value }) => value)).toEqual(
      [...numbered(10), ...numbered(10)].map(({ value }) => value),
    )
  })

  test('goes on from what its last owner has committed until it was shut out', async () => {
    await rig.produce(input, numbered(10))
    const make = kafka.hold('make producer')
    const running = rig.run(copying, { kafka })
    await vi.waitFor(() => expect(kafka.making).toBe(1))
    const owner = await rig.kafka.transactionalProducer({ transactionalId: 'copying-in_0' })
    await owner.sendOffsets('copying', [{ topic: 'in', partition: 0, offset: 7 }])
    await owner.commit()
    make()
    await rig.workedOff([running], ['in'])
    expect((await rig.read(output)).map(({ value }) => value)).toEqual([7, 8, 9])
  })

  test('that is taken away while it is being made leaves nothing open', async () => {
    await rig.produce(input, numbered(10))
    const make = kafka.hold('make producer')
    const running = rig.run(copying, { kafka })
    // Its partition is there, and waits for it.
    await vi.waitFor(() => expect(running.ready().why).toBe('State is being restored'))
    await vi.waitFor(() => expect(kafka.making).toBe(1))
    const done = new Promise<void>((resolve) => {
      kafka.group$.next({ type: 'revoking', partitions, done: resolve })
    })
    make()
    await done
    expect(kafka.producers).toBe(0)
  })
})

test('who is fenced at its first task has started when it has joined again, and not before', async () => {
  await rig.produce(input, numbered(10))
  let attempts = 0
  const make = kafka.transactionalProducer.bind(kafka)
  kafka.transactionalProducer = async (options) => {
    if (++attempts === 1) throw new RivuletError('KAFKA_FENCED', 'somebody else has it')
    return make(options)
  }
  const running = rig.run(copying, { kafka })
  await running.started
  expect(attempts).toBe(2)
  expect(running.status().partitions).toHaveLength(1)
})

test('who is fenced again and again waits longer each time', async () => {
  let attempts = 0
  const waitsMs: number[] = []
  const sleep = (ms: number, signal?: AbortSignal) => {
    if (attempts > 0 && ms >= 1_500) waitsMs.push(ms)
    return systemClock.sleep(Math.min(ms, 1), signal)
  }
  const make = kafka.transactionalProducer.bind(kafka)
  kafka.transactionalProducer = async (options) => {
    if (++attempts <= 4) throw new RivuletError('KAFKA_FENCED', 'somebody else has it')
    return make(options)
  }
  await rig.produce(input, numbered(10))
  const running = rig.run(copying, { kafka, clock: { ...systemClock, sleep, random: () => 0.5 } })
  await running.started
  expect(waitsMs).toEqual([1_500, 3_000, 6_000, 12_000])
})

describe('a sink whose partition goes', () => {
  test('has its place shown as the offset of the group by then, not a second later', async () => {
    const sink = new MemorySink<string, number>()
    const app = topology('sinking', ({ stream }) => {
      stream(input).batch({ rowsMax: 100, waitMsMax: 20 }).to(sink)
    })
    await rig.produce(input, numbered(50))
    const running = rig.run(app, { connections: { memory: {} } })
    await vi.waitFor(() => expect(sink.values).toHaveLength(50))
    await running.stop()
    const [shown] = await rig.kafka.admin.committedOffsets('sinking', ['in'])
    expect(shown?.offset).toBe(50)
  })
})
