import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { keyValueStore } from '../../src/state/key-value-store.ts'
import { survivesRestart } from '../support/restart-property.ts'

describe('a key-value store', () => {
  test('finds equal keys that are different objects', () => {
    const store = keyValueStore({
      name: 's',
      key: serdes.json<{ id: number }>(),
      value: serdes.long,
    }).create()
    store.put({ id: 1 }, 5, 1)
    store.put({ id: 1 }, 6, 2)
    expect([...store.all()]).toEqual([{ key: { id: 1 }, value: 6, timestampMs: 2 }])
  })

  test('writes a key that changed a thousand times once', () => {
    const store = keyValueStore({ name: 's', key: serdes.string, value: serdes.long }).create()
    for (let i = 0; i < 1_000; i++) store.put('a', i, i)
    const written: unknown[] = []
    store.drainChanges((key, value, timestampMs) =>
      written.push([key.toString(), value && serdes.long.deserialize(value), timestampMs]),
    )
    expect(written).toEqual([['a', 999, 999]])
  })

  test('holds the same and goes on the same after a restart', () => {
    survivesRestart({
      spec: () => keyValueStore({ name: 's', key: serdes.string, value: serdes.long }),
      op: fc.record({
        key: fc.constantFrom('a', 'b', 'c'),
        value: fc.option(fc.nat(9)),
        timestampMs: fc.nat(9),
      }),
      apply(store, { key, value, timestampMs }) {
        if (value === null) store.delete(key, timestampMs)
        else store.put(key, value, timestampMs)
      },
      contents: (store) => [...store.all()].toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    })
  })
})
