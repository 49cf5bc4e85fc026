import { concat, map, NEVER, Observable, range } from 'rxjs'
import { expect, test, vi } from 'vitest'
import type { Fetched, Kafka, ReadRange } from '../../src/kafka/types.ts'
import { BytesColumn } from '../../src/records/bytes-column.ts'
import { readPrepared } from '../../src/runtime/read-prepared.ts'

const none = BytesColumn.of([])

/** A fetch for each offset. */
function partition(endOffset: number) {
  const reads: ReadRange[] = []
  let open = 0
  const fetched = (offset: number): Fetched => ({
    chunk: { topic: 't', partition: 0, keys: none, values: none, timestampsMs: [], offsets: [] },
    nextOffset: offset + 1,
    endOffset,
  })
  const kafka: Pick<Kafka, 'read'> = {
    read: (_topic, _partition, of) =>
      new Observable((subscriber) => {
        reads.push(of)
        open++
        const { fromOffset = 0, toOffset } = of
        const there = range(fromOffset, endOffset - fromOffset).pipe(map(fetched))
        subscriber.add(() => open--)
        subscriber.add((toOffset === 'follow' ? concat(there, NEVER) : there).subscribe(subscriber))
      }),
  }
  return { kafka, reads, open: () => open }
}

const of = { topic: 't', partition: 0 }

test('where nothing is to be prepared it reads on, all in one', () => {
  const { kafka, reads } = partition(4)
  const read: number[] = []
  let completed = false
  readPrepared(kafka, of, { toOffset: 4 }, () => undefined).subscribe({
    next: ({ nextOffset }) => read.push(nextOffset),
    complete: () => {
      completed = true
    },
  })
  expect([read, completed, reads.length]).toEqual([[1, 2, 3, 4], true, 1])
})

test('while it waits nothing is read, and it goes on behind, without gap or repetition', async () => {
  const { kafka, reads, open } = partition(4)
  const read: number[] = []
  const ready: (() => void)[] = []
  readPrepared(kafka, of, { toOffset: 'follow' }, ({ nextOffset }) => {
    return nextOffset % 2 === 0 ? new Promise<void>((resolve) => ready.push(resolve)) : undefined
  }).subscribe(({ nextOffset }) => read.push(nextOffset))
  expect([read, open(), ready.length]).toEqual([[1], 0, 1])
  ready[0]?.()
  await vi.waitFor(() => expect([read, open(), ready.length]).toEqual([[1, 2, 3], 0, 2]))
  ready[1]?.()
  await vi.waitFor(() => expect([read, open()]).toEqual([[1, 2, 3, 4], 1]))
  expect(reads.map(({ fromOffset }) => fromOffset)).toEqual([undefined, 2, 4])
})

test('what preparing throws or rejects with is its error', async () => {
  const thrown = (prepare: () => Promise<void>) =>
    new Promise((resolve) => {
      readPrepared(partition(1).kafka, of, { toOffset: 1 }, prepare).subscribe({ error: resolve })
    })
  const error = new Error('no')
  expect(await thrown(() => Promise.reject(error))).toBe(error)
  expect(
    await thrown(() => {
      throw error
    }),
  ).toBe(error)
})
