import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { Heap } from '../../src/state/heap.ts'
import { SessionStore } from '../../src/state/session-store.ts'
import { WindowStore } from '../../src/state/window-store.ts'

const options = { name: 'store', key: serdes.string, value: serdes.long }

describe('a window store', () => {
  const create = () => new WindowStore<string, number>({ ...options, sizeMs: 10, retentionMs: 30 })

  test('does not find what starts at or before the largest start put, minus retention', () => {
    const store = create()
    store.put('a', 10, 1, 10)
    store.put('a', 11, 2, 11)
    store.put('b', 40, 3, 40)
    expect(store.find('a', 10)).toBeUndefined()
    expect(store.find('a', 11)).toMatchObject({ value: 2 })
    expect(store.fetch('a', 0, 100).map(({ value }) => value)).toEqual([2])
    expect([...store.all()].map(({ value }) => value)).toEqual([2, 3])
    expect(store.startingIn(0, 100).map(({ value }) => value)).toEqual([2, 3])
  })

  test('does not keep what would be forgotten at once', () => {
    const store = create()
    store.put('a', 40, 1, 40)
    store.put('b', 10, 2, 10)
    expect([...store.all()]).toHaveLength(1)
  })

  test('frees the memory of what it has forgotten, also after a jump by years', () => {
    const store = create()
    for (let startMs = 0; startMs < 10_000; startMs += 10) {
      store.put('a', startMs, 1, startMs)
      expect(store.size).toBeLessThanOrEqual(6)
    }
    store.put('a', 1_700_000_000_000, 1, 1_700_000_000_000)
    expect(store.size).toBe(1)
  })

  test('finds what a naive list finds, whatever is put and deleted', () => {
    const operation = fc.record({
      key: fc.constantFrom('a', 'b'),
      startMs: fc.integer({ min: 0, max: 120 }),
      value: fc.option(fc.integer({ min: 0, max: 9 })),
    })
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const store = create()
        const naive = new Map<string, { key: string; startMs: number; value: number }>()
        let observedMs = Number.NEGATIVE_INFINITY
        for (const { key, startMs, value } of operations) {
          observedMs = Math.max(observedMs, startMs)
          if (value === null) store.delete(key, startMs, startMs)
          else store.put(key, startMs, value, startMs)
          if (value === null || startMs <= observedMs - 30) naive.delete(`${key}@${startMs}`)
          else naive.set(`${key}@${startMs}`, { key, startMs, value })
          const expected = [...naive.values()]
            .filter((entry) => entry.startMs > observedMs - 30)
            .toSorted((a, b) => a.startMs - b.startMs || (a.key < b.key ? -1 : 1))
          const found = store.startingIn(0, 200).map(({ windowed, value: held }) => {
            expect(store.find(windowed.key, windowed.startMs)?.value).toBe(held)
            return { key: windowed.key, startMs: windowed.startMs, value: held }
          })
          expect(found).toEqual(expected)
          const ofA = expected.filter((entry) => entry.key === 'a' && entry.startMs >= 20)
          expect(store.fetch('a', 20, 200).map(({ windowed }) => windowed.startMs)).toEqual(
            ofA.map((entry) => entry.startMs),
          )
        }
      }),
    )
  })
})

describe('a session store', () => {
  test('does not find what ends at or before the largest end put, minus retention, and frees its memory', () => {
    const store = new SessionStore<string, number>({ ...options, retentionMs: 30 })
    store.put({ key: 'a', startMs: 1, endMs: 10 }, 1)
    store.put({ key: 'a', startMs: 20, endMs: 21 }, 2)
    store.put({ key: 'b', startMs: 40, endMs: 40 }, 3)
    expect(store.fetch('a', 0, 100).map(({ value }) => value)).toEqual([2])
    for (let ms = 41; ms < 10_000; ms += 10) {
      store.put({ key: 'a', startMs: ms, endMs: ms }, 1)
      expect(store.size).toBeLessThanOrEqual(8)
    }
  })
})

test('a heap gives what is smallest first', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), (numbers) => {
      const heap = new Heap<number>((a, b) => a < b)
      for (const number of numbers) heap.add(number)
      const taken = numbers.map(() => heap.takeFirst())
      expect(taken).toEqual(numbers.toSorted((a, b) => a - b))
      expect(heap.first).toBeUndefined()
    }),
  )
})
