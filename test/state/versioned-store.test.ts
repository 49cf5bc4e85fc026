import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { versionedStore } from '../../src/state/versioned-store.ts'
import { survivesRestart } from '../support/restart-property.ts'

const spec = () => versionedStore({ name: 's', key: serdes.string, value: serdes.long, historyMs: 10 })

describe('a versioned store', () => {
  test('answers the latest value, and the one that was valid at a time', () => {
    const store = spec().create()
    expect(store.put('a', 1, 10)).toBe('latest')
    expect(store.put('a', 3, 14)).toBe('latest')
    expect(store.put('a', 2, 12)).toBe('history')
    expect(store.get('a')).toBe(3)
    expect([9, 10, 11, 12, 13, 14, 99].map((ms) => store.getAsOf('a', ms)?.value)).toEqual([
      undefined,
      1,
      1,
      2,
      2,
      3,
      3,
    ])
  })

  test('knows that a row was deleted in between', () => {
    const store = spec().create()
    store.put('a', 1, 10)
    store.put('a', 3, 14)
    expect(store.put('a', null, 12)).toBe('history')
    expect([11, 12, 14].map((ms) => store.getAsOf('a', ms)?.value)).toEqual([1, undefined, 3])
    store.put('a', null, 15)
    expect(store.get('a')).toBeUndefined()
    expect([...store.all()]).toEqual([])
  })

  test('replaces a value of the same time', () => {
    const store = spec().create()
    store.put('a', 1, 10)
    expect(store.put('a', 2, 10)).toBe('latest')
    expect(store.size).toBe(1)
    expect(store.getAsOf('a', 10)?.value).toBe(2)
  })

  test('refuses what is older than its history, and looks no further back, but for the latest value', () => {
    const store = spec().create()
    store.put('a', 1, 5)
    store.put('a', 2, 20)
    store.put('old', 9, 12)
    store.put('b', 1, 30)
    expect(store.put('c', 1, 19)).toBe('too-old')
    expect(store.put('c', 1, 20)).toBe('latest')
    expect(store.getAsOf('a', 19)).toBeUndefined()
    expect(store.getAsOf('a', 20)?.value).toBe(2)
    expect(store.getAsOf('old', 15)?.value).toBe(9)
  })

  test('keeps no more versions than its history needs', () => {
    const store = spec().create()
    for (let ms = 0; ms < 1_000; ms++) store.put('a', ms, ms)
    expect(store.size).toBe(11)
    for (let ms = 1_000; ms < 1_100; ms++) store.put('a', null, ms)
    expect(store.size).toBeLessThanOrEqual(11)
  })

  test('holds the same and goes on the same after a restart', () => {
    survivesRestart({
      spec,
      op: fc.record({
        key: fc.constantFrom('a', 'b', 'ä'),
        value: fc.option(fc.nat(9)),
        timestampMs: fc.nat(40),
      }),
      apply: (store, { key, value, timestampMs }) => store.put(key, value, timestampMs),
      contents: (store) =>
        ['a', 'b', 'ä'].map((key) => [
          Array.from({ length: 45 }, (_, ms) => store.getAsOf(key, ms)),
          store.entry(key),
          store.size,
        ]),
    })
  })
})
