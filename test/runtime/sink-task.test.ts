import { lastValueFrom, Subject } from 'rxjs'
import { expect, test, vi } from 'vitest'
import { BytesColumn } from '../../src/records/bytes-column.ts'
import { createTask } from '../../src/runtime/create-task.ts'
import type { RuntimeEvent } from '../../src/runtime/events.ts'
import { FetchedChunk, InputQueue } from '../../src/runtime/input-queue.ts'
import { SinkStanding } from '../../src/runtime/sink-standing.ts'
import { SinkTask } from '../../src/runtime/sink-task.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import { instanceContext } from '../support/instance-context.ts'
import { MemorySink } from '../support/memory-sink.ts'

/** A sink's task, and how many dead letters are on their way; `fetch` gives it numbers, and what is none as undefined. */
async function writing(letter: () => Promise<void>) {
  const sink = new MemorySink<string, number>()
  const app = topology('writing', ({ stream }) => {
    stream(topic('in', { key: serdes.string, value: serdes.long }))
      .batch({ rowsMax: 3, waitMsMax: 600_000 })
      .to(sink)
  })
  const { layout, settings } = await instanceContext(app)
  const [own] = layout.subTopologies
  const [input] = own?.inputs ?? []
  if (own?.subTopology.kind !== 'sink' || !input) throw new Error('the topology has one sink with one input')
  const queue = new InputQueue(input, 0, 0)
  let letters = 0
  const refused: number[] = []
  const failures: unknown[] = []
  const events: RuntimeEvent[] = []
  const task = new SinkTask({
    id: '0_0',
    task: createTask(own.subTopology, settings, new Map()),
    node: own.subTopology.sink,
    writer: await sink.open(),
    queues: [queue],
    settings,
    standing: new SinkStanding(settings.clock),
    emit: (event) => events.push(event),
    bad: () => {
      letters++
      return letter()
    },
    refused: (_, offset) => {
      refused.push(offset)
      return letter()
    },
    seek: () => {},
    written: () => {},
    worked: () => {},
    failed: (error) => failures.push(error),
  })
  const fetch = (values: readonly (number | undefined)[]) => {
    const bytes = values.map((value) =>
      value === undefined ? Buffer.from('?') : serdes.long.serialize(value),
    )
    const offsets = values.map((_, i) => queue.queuedOffset + i)
    const chunk = {
      topic: 'in',
      partition: 0,
      keys: BytesColumn.of(values.map(() => Buffer.from('k'))),
      values: BytesColumn.of(bytes),
      timestampsMs: values.map(() => 1),
      offsets,
    }
    const nextOffset = queue.queuedOffset + values.length
    queue.push(new FetchedChunk({ chunk, nextOffset, endOffset: nextOffset }, input))
    task.run()
  }
  return { task, sink, queue, fetch, letters: () => letters, refused, failures, events }
}

test('while one batch is written the next one is gathered, also of what had come before', async () => {
  const { sink, fetch, queue } = await writing(() => Promise.resolve())
  sink.hold()
  fetch([1, 2, 3, 4, 5, 6, 7])
  expect(queue.records).toBe(1)
  sink.release()
  await vi.waitFor(() => expect(sink.values).toEqual([1, 2, 3, 4, 5, 6]))
  expect(queue.records).toBe(0)
})

test('a batch of few but large rows goes out before it is too large', async () => {
  const { sink, fetch } = await writing(() => Promise.resolve())
  sink.rowBytes = 10 * 1024 * 1024
  fetch([1])
  fetch([2])
  await vi.waitFor(() => expect(sink.values).toEqual([1, 2]))
})

test('nothing is written behind a dead letter that is not where it goes yet: the sink would never read it again', async () => {
  const sent = new Subject<void>()
  const { sink, fetch, task, letters } = await writing(() => lastValueFrom(sent, { defaultValue: undefined }))
  fetch([1, undefined, 2, 3, 4])
  expect(letters()).toBe(1)
  const closed = task.close()
  await new Promise(setImmediate)
  expect(sink.writing).toBe(0)
  sent.complete()
  await closed
  expect(sink.values).toEqual([1, 2, 3, 4])
})

test('nothing but garbage is taken no faster than it is put away', async () => {
  const sent = new Subject<void>()
  const { fetch, queue, letters, sink } = await writing(() =>
    lastValueFrom(sent, { defaultValue: undefined }),
  )
  for (let i = 0; i < 20; i++) fetch(Array.from({ length: 100 }, () => undefined))
  expect(letters()).toBe(1_000)
  expect(queue.records).toBe(1_000)
  fetch([1, 2, 3])
  sent.complete()
  await vi.waitFor(() => expect(sink.values).toEqual([1, 2, 3]))
  expect(letters()).toBe(2_000)
})

test('a dead letter that can not be put away fails the task, and nothing behind it is written', async () => {
  const { fetch, sink, failures } = await writing(() => Promise.reject(new Error('no such topic')))
  fetch([undefined, 1, 2, 3])
  await vi.waitFor(() => expect(failures).toEqual([new Error('no such topic')]))
  expect(sink.values).toEqual([])
})

test('a record that makes no row is given away, and the others of its chunk are written', async () => {
  const { fetch, sink, refused } = await writing(() => Promise.resolve())
  sink.misfits = (value) => value < 0
  fetch([-1, 1, -2, -3, 2, 3, -4])
  await vi.waitFor(() => expect(sink.values).toEqual([1, 2, 3]))
  expect(refused).toEqual([0, 2, 3, 6])
  expect(sink.batches.map(({ nextOffset }) => nextOffset)).toEqual([6])
})

test('a record that the sink refuses when it is written is given away before what lies behind it is remembered', async () => {
  const sent = new Subject<void>()
  const { fetch, sink, refused, task } = await writing(() => lastValueFrom(sent, { defaultValue: undefined }))
  sink.refuses = (value) => value === 2
  fetch([1, 2, 3])
  await vi.waitFor(() => expect(refused).toEqual([1]))
  await new Promise(setImmediate)
  expect(sink.batches).toEqual([])
  sent.complete()
  await task.close()
  expect(sink.values).toEqual([1, 3])
})

test('a refused record that can not be put away fails the task', async () => {
  const { fetch, sink, failures } = await writing(() => Promise.reject(new Error('no such topic')))
  sink.refuses = (value) => value === 2
  fetch([1, 2, 3])
  await vi.waitFor(() => expect(failures).toEqual([new Error('no such topic')]))
})

test('tells of each batch that is written: its rows, how long it took, and how old its first record is', async () => {
  const { sink, fetch, events } = await writing(() => Promise.resolve())
  fetch([1, 2, 3])
  await vi.waitFor(() => expect(sink.values).toEqual([1, 2, 3]))
  await vi.waitFor(() => expect(events).toHaveLength(1))
  // Its records are of the first millisecond of 1970.
  const [written] = events
  expect(written).toMatchObject({ type: 'written', step: 'to memory', rows: 3 })
  expect(written?.type === 'written' && written.ageMs).toBeGreaterThan(1e12)
  expect(written?.type === 'written' && written.tookMs).toBeLessThan(10_000)
})
