import { describe, expect, test } from 'vitest'
import { BytesColumn } from '../../src/records/bytes-column.ts'
import { createTask } from '../../src/runtime/create-task.ts'
import type { CallbackErrorHandler } from '../../src/runtime/failed-record.ts'
import { InputGroup } from '../../src/runtime/input-group.ts'
import { FetchedChunk, InputQueue } from '../../src/runtime/input-queue.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { type StreamOptions, topology } from '../../src/stream/topology.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'
import { instanceContext } from '../support/instance-context.ts'
import { KafkaRig } from '../support/kafka-rig.ts'
import { MemorySink } from '../support/memory-sink.ts'

const topicOf = (name: string) => topic(name, { key: serdes.string, value: serdes.string })
const [a, b, out] = [topicOf('a'), topicOf('b'), topicOf('out')]
const recordsMax = 100
type Options = StreamOptions<string, string>

/** Reads the one topic, or both of them at once, which asks again and again which record comes next. */
const appOf = (inputs: 1 | 2, options: Options) =>
  topology('timed', ({ stream }) => {
    const first = stream(a, options)
    ;(inputs === 1 ? first : first.merge(stream(b))).to(out)
  })

/** What comes out of a task that has 100 records in each of its inputs. */
async function taskOf(inputs: 1 | 2, options: Options, onCallbackError: CallbackErrorHandler = () => 'fail') {
  const { layout, settings } = await instanceContext(appOf(inputs, options), { onCallbackError })
  const [sub] = layout.subTopologies
  if (!sub) throw new Error('the topology has one sub-topology')
  const task = createTask(sub.subTopology, settings, new Map())
  const queues = sub.inputs.map((input) => {
    const queue = new InputQueue(input, 0, 0, (reason) => task.countDrop(reason))
    const column = (of: (i: number) => string) =>
      BytesColumn.of(Array.from({ length: recordsMax }, (_, i) => Buffer.from(of(i))))
    const numbers = Array.from({ length: recordsMax }, (_, i) => i)
    const chunk = {
      topic: input.topic,
      partition: 0,
      keys: column(() => 'k'),
      values: column((i) => `v${i}`),
      timestampsMs: numbers,
      offsets: numbers,
    }
    const fetched = { chunk, nextOffset: recordsMax, endOffset: recordsMax }
    queue.push(new FetchedChunk(fetched, input, onCallbackError))
    return queue
  })
  const group = new InputGroup(queues, { idleMsMax: 0, now: () => 0, bad: () => {} })
  const run = () => {
    for (let next = group.next(7); next; next = group.next(7))
      task.processTimed(next.queue.input.node, next.chunk)
    return task.takeOutputs().flatMap(({ chunk }) => chunk.values)
  }
  return { run, task, queues }
}

describe.each([1, 2] as const)('with %i inputs', (inputs) => {
  test('event time and heartbeats are asked for once for each record', async () => {
    const timed: string[] = []
    const tested: string[] = []
    const { run } = await taskOf(inputs, {
      timestampMs: (value, _, recordMs) => {
        timed.push(value)
        return recordMs
      },
      isHeartbeat: (value) => {
        tested.push(value)
        return value === 'v50'
      },
    })
    expect(run()).toHaveLength(recordsMax * inputs - 1)
    const expected = Array.from({ length: recordsMax }, (_, i) => `v${i}`)
    expect(timed).toEqual(expected)
    expect(tested).toEqual(expected)
  })

  test.each(['timestampMs', 'isHeartbeat'] as const)(
    'what %s throws says which record it was',
    async (callback) => {
      const throwing = (value: string) => {
        if (value === 'v5') throw new TypeError('no time in it')
        return false as never
      }
      const { run } = await taskOf(inputs, { [callback]: throwing })
      expect(run).toThrow(
        expect.objectContaining({
          code: 'CALLBACK_FAILED',
          place: { step: 'a', topic: 'a', partition: 0, offset: 5 },
        }),
      )
    },
  )

  test('a record whose callback throws is left out and counted where the handler says so, and the others go on', async () => {
    const told: unknown[] = []
    const { run, task, queues } = await taskOf(
      inputs,
      {
        timestampMs: (value, _, recordMs) => {
          if (value === 'v5' || value === 'v99') throw new TypeError('no time in it')
          return value === 'v6' ? -1 : recordMs
        },
      },
      (error) => {
        told.push(error)
        return 'drop'
      },
    )
    const values = run()
    expect(values).toHaveLength(recordsMax * inputs - 3)
    expect(told).toMatchObject([{ place: { offset: 5 } }, { place: { offset: 99 } }])
    expect([...task.dropped]).toEqual([
      ['callback-failed', 2],
      ['negative-timestamp', 1],
    ])
    expect(queues.map(({ position, records }) => [position, records])).toEqual(
      Array(inputs).fill([recordsMax, 0]),
    )
  })
})

test('a running program asks once for each record, for a task with a sink of its own too', async () => {
  const rig = await KafkaRig.start()
  try {
    const timed: string[] = []
    const sink = new MemorySink<string, string>()
    const app = topology('timed', ({ stream }) => {
      const records = stream(a, {
        timestampMs: (value, _, recordMs) => {
          timed.push(value)
          if (value === 'v5') throw new TypeError('no time in it')
          return recordMs
        },
      })
      records.merge(stream(b)).to(out)
      records.batch({ rowsMax: 10, waitMsMax: 1 }).to(sink)
    })
    const values = Array.from({ length: recordsMax }, (_, i) => `v${i}`)
    const records = values.map((value, timestampMs) => ({ key: 'k', value, timestampMs }))
    await rig.produce(a, records)
    const running = rig.run(app, { connections: { memory: {} }, onCallbackError: () => 'drop' })
    await rig.workedOff([running], ['a'])
    expect(timed).toEqual(values)
    const left = values.filter((value) => value !== 'v5')
    expect((await rig.read(out)).map(({ value }) => value)).toEqual(left)
    expect(sink.values).toEqual(left)
    expect(running.status().counters.dropped).toBe(1)
  } finally {
    await rig.close()
  }
})

test('the test driver asks once for each record too, and what is thrown has its place', () => {
  let calls = 0
  const driver = new TestDriver(
    appOf(2, {
      timestampMs: (value) => {
        calls++
        if (value === 'bad') throw new TypeError('no time in it')
        return 1
      },
    }),
  )
  const record = (value: string) => ({ key: 'k', value, timestampMs: 1 })
  driver.pipe(a, record('x'), record('y'))
  expect(calls).toBe(2)
  expect(() => driver.pipe(a, record('bad'))).toThrow(
    expect.objectContaining({
      code: 'CALLBACK_FAILED',
      place: { step: 'a', topic: 'a', partition: 0, offset: 2 },
    }),
  )
})
