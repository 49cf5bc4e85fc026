import { expect, test } from 'vitest'
import { BytesColumn } from '../../src/records/bytes-column.ts'
import { InputGroup } from '../../src/runtime/input-group.ts'
import { FetchedChunk, InputQueue } from '../../src/runtime/input-queue.ts'
import type { InputLayout } from '../../src/runtime/layout.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { topic } from '../../src/stream/topic.ts'

function inputOf(name: string): InputLayout {
  const of = topic(name, { key: serdes.string, value: serdes.string })
  const { key, value } = of as InputLayout['node'] & typeof of
  return {
    node: {
      type: 'topic-source',
      kind: 'stream',
      id: 0,
      name,
      topic: of as never,
      global: false,
      tombstones: false,
    },
    topic: name,
    taskName: name,
    partitions: 1,
    key: key as never,
    value: value as never,
    tombstones: false,
    internal: false,
  }
}

function fetched(
  input: InputLayout,
  timestampsMs: readonly number[],
  { from = 0, endOffset = 100, markers = 0 } = {},
) {
  return new FetchedChunk(
    {
      chunk: {
        topic: input.topic,
        partition: 0,
        keys: BytesColumn.of(timestampsMs.map(() => Buffer.from('k'))),
        values: BytesColumn.of(timestampsMs.map((ms) => Buffer.from(`${input.topic}${ms}`))),
        timestampsMs,
        offsets: timestampsMs.map((_, i) => from + i),
      },
      nextOffset: from + timestampsMs.length + markers,
      endOffset,
    },
    input,
  )
}

function groupOf(inputs: readonly InputLayout[], { idleMsMax = 0, now = (): number => 0 } = {}) {
  const queues = inputs.map((input) => new InputQueue(input, 0, 0))
  return { queues, group: new InputGroup(queues, { idleMsMax, now, bad: () => {} }) }
}

const [a, b] = [inputOf('a'), inputOf('b')]

function taken(group: InputGroup): unknown[] {
  const chunks: unknown[] = []
  for (let next = group.next(); next; next = group.next()) chunks.push(next.chunk.values)
  return chunks
}

test('takes the lowest timestamp first, of equal ones the first input, and runs as one chunk', () => {
  const { queues, group } = groupOf([a, b])
  queues[0]?.push(fetched(a, [1, 2, 5, 7], { endOffset: 4 }))
  queues[1]?.push(fetched(b, [2, 3, 5, 6], { endOffset: 4 }))
  expect(taken(group)).toEqual([['a1', 'a2'], ['b2', 'b3'], ['a5'], ['b5', 'b6'], ['a7']])
})

test('takes records of one input in their order, whatever their timestamps', () => {
  const { queues, group } = groupOf([a, b])
  queues[0]?.push(fetched(a, [9, 1, 2], { endOffset: 3 }))
  queues[1]?.push(fetched(b, [5], { endOffset: 1 }))
  expect(taken(group)).toEqual([['b5'], ['a9', 'a1', 'a2']])
})

test('waits for what is known to be on the broker, but not for producers', () => {
  const { queues, group } = groupOf([a, b])
  queues[0]?.push(fetched(a, [1], { endOffset: 1 }))
  expect(taken(group)).toEqual([])
  queues[1]?.push(fetched(b, [], { endOffset: 1 }))
  expect(taken(group)).toEqual([])
  queues[1]?.push(fetched(b, [3], { endOffset: 1 }))
  expect(taken(group)).toEqual([['a1'], ['b3']])
})

test('waits for producers as long as it is told to', () => {
  let nowMs = 1_000
  const { queues, group } = groupOf([a, b], { idleMsMax: 50, now: () => nowMs })
  queues[0]?.push(fetched(a, [1], { endOffset: 1 }))
  queues[1]?.push(fetched(b, [], { endOffset: 0 }))
  expect(taken(group)).toEqual([])
  expect(group.waitsUntilMs).toBe(1_050)
  nowMs = 1_050
  expect(taken(group)).toEqual([['a1']])
})

test('a queue passes over what it has, stands behind what it gave, and steps over transaction markers', () => {
  const queue = new InputQueue(a, 0, 2)
  queue.push(fetched(a, [1, 2, 3, 4], { markers: 1 }))
  queue.push(fetched(a, [3, 4], { from: 2 }))
  expect(queue.records).toBe(2)
  expect(queue.takeUpTo(1, () => {})?.values).toEqual(['a3'])
  expect([queue.position, queue.queuedOffset, queue.records]).toEqual([3, 5, 1])
  expect(queue.takeUpTo(9, () => {})?.values).toEqual(['a4'])
  expect([queue.position, queue.records]).toEqual([5, 0])
  queue.push(fetched(a, [], { from: 5, markers: 1, endOffset: 6 }))
  expect([queue.position, queue.caughtUp]).toEqual([6, true])
})

test('what can not be decoded is told when the task comes to it, once, and leaves nothing behind', () => {
  const queue = new InputQueue({ ...a, value: serdes.long as never }, 0, 0)
  const chunk = fetched({ ...a, value: serdes.long as never }, [1, 2])
  queue.push(chunk)
  const bad: number[] = []
  expect(queue.takeUpTo(9, ({ index }) => bad.push(index))).toBeUndefined()
  expect([bad, queue.position, queue.records]).toEqual([[0, 1], 2, 0])
})
