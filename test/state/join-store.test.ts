import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { joinStore } from '../../src/state/join-store.ts'
import { survivesRestart } from '../support/restart-property.ts'

const spec = () => joinStore({ name: 's', key: serdes.string, value: serdes.long, retentionMs: 20 })

// Few different times: records of one key and time must be told apart after a restart, too.
const time = fc.oneof(fc.constantFrom(20, 21), fc.nat(60))

describe("one side's store of a stream–stream join", () => {
  test('finds records in order of time, those of one time in order of arrival', () => {
    const store = spec().create()
    for (const [value, ms] of [
      [1, 12],
      [2, 10],
      [3, 12],
      [4, 11],
    ] as const)
      store.put('a', value, ms)
    expect(store.fetch('a', 10, 12).map(({ value }) => value)).toEqual([2, 4, 1, 3])
    expect(store.fetch('a', 11, 11).map(({ value }) => value)).toEqual([4])
    expect(store.fetch('b', 0, 99)).toEqual([])
  })

  test('forgets what is at or before its newest record minus the retention, and keeps no late one', () => {
    const store = spec().create()
    store.put('a', 1, 0)
    store.put('a', 2, 1)
    store.put('b', 3, 20)
    expect(store.fetch('a', 0, 99).map(({ value }) => value)).toEqual([2])
    const { size } = store
    store.put('a', 4, 0)
    expect(store.size).toBe(size)
    expect(store.fetch('a', 0, 99).map(({ value }) => value)).toEqual([2])
  })

  test('frees what it has forgotten, of keys too that never come again', () => {
    const store = spec().create()
    for (let ms = 0; ms < 10_000; ms++) store.put(`key ${ms}`, ms, ms)
    expect(store.size).toBeLessThanOrEqual(40)
  })

  test('holds the same and goes on the same after a restart', () => {
    survivesRestart({
      spec,
      op: fc.record({ key: fc.constantFrom('a', 'b'), value: fc.nat(9), timestampMs: time }),
      apply(store, { key, value, timestampMs }) {
        store.put(key, value, timestampMs)
        return values(store.fetch(key, timestampMs - 5, timestampMs + 5))
      },
      contents: (store) => ['a', 'b'].map((key) => values(store.fetch(key, 0, 99))),
    })
  })
})

function values(records: readonly { value: number; timestampMs: number }[]) {
  return records.map(({ value, timestampMs }) => [value, timestampMs])
}
