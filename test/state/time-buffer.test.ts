import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { type Buffered, timeBuffer } from '../../src/state/time-buffer.ts'
import { survivesRestart } from '../support/restart-property.ts'

const spec = () => timeBuffer({ name: 's', key: serdes.string, value: serdes.long })

describe('a buffer by time', () => {
  test('gives records out in order of time, then of serialized key, then of arrival', () => {
    const store = spec().create()
    store.put('b', 1, 10)
    store.put('a', 2, 10)
    store.put('b', 3, 9)
    store.put('a', 4, 10)
    expect(shown(store.takeUntil(8))).toEqual([])
    expect(shown(store.takeUntil(10))).toEqual([
      ['b', 3, 9],
      ['a', 2, 10],
      ['a', 4, 10],
      ['b', 1, 10],
    ])
    expect(store.size).toBe(0)
    expect(store.observedMs).toBe(10)
  })

  test('holds the same and goes on the same after a restart', () => {
    survivesRestart({
      spec,
      op: fc.oneof(
        fc.record({ key: fc.constantFrom('a', 'b'), value: fc.nat(9), timestampMs: fc.nat(2) }),
        fc.nat(2),
      ),
      apply(store, op) {
        if (typeof op === 'number') return shown(store.takeUntil(op))
        return store.put(op.key, op.value, op.timestampMs)
      },
      contents: (store) => [store.size, store.observedMs],
    })
  })
})

function shown(taken: readonly Buffered<string, number>[]) {
  return taken.map(({ key, value, timestampMs }) => [key, value, timestampMs])
}
