import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { type UnmatchedStore, unmatchedStore } from '../../src/state/unmatched-store.ts'
import { survivesRestart } from '../support/restart-property.ts'

const spec = () => unmatchedStore({ name: 's', key: serdes.string, left: serdes.long, right: serdes.long })

describe('the store of unmatched join records', () => {
  test('holds them in order of time, right before left, then of the serialized key', () => {
    const store = spec().create()
    store.add('left', 'b', 1, 10)
    store.add('left', 'a', 2, 10)
    store.add('right', 'z', 3, 10)
    store.add('left', 'c', 4, 9)
    store.add('left', 'a', 5, 10)
    expect(contents(store).waiting).toEqual([
      ['left', 'c', 9, [4]],
      ['right', 'z', 10, [3]],
      ['left', 'a', 10, [2, 5]],
      ['left', 'b', 10, [1]],
    ])
  })

  test('gives up all of one side, key and time at once', () => {
    const store = spec().create()
    store.add('left', 'a', 1, 10)
    store.add('left', 'a', 2, 10)
    store.add('right', 'a', 3, 10)
    store.remove('left', 'a', 10)
    store.remove('left', 'a', 11)
    expect(contents(store).waiting).toEqual([['right', 'a', 10, [3]]])
    expect(store.size).toBe(1)
  })

  test('frees the places of what is gone', () => {
    const store = spec().create()
    for (let ms = 0; ms < 1_000; ms++) {
      store.add('left', 'a', ms, ms)
      store.remove('left', 'a', ms)
    }
    expect(contents(store).waiting).toEqual([])
    expect(store.size).toBe(0)
  })

  test('holds the same and goes on the same after a restart', () => {
    const at = {
      side: fc.constantFrom('left' as const, 'right' as const),
      key: fc.constantFrom('a', 'b', 'c'),
      timestampMs: fc.nat(5),
    }
    survivesRestart({
      spec,
      op: fc.oneof(
        fc.record({ kind: fc.constant('add' as const), value: fc.nat(9), ...at }),
        fc.record({ kind: fc.constant('remove' as const), ...at }),
        fc.record({ kind: fc.constant('look' as const), lookedAtMs: fc.option(fc.nat(9)) }),
      ),
      apply(store, op) {
        if (op.kind === 'add') store.add(op.side, op.key, op.value, op.timestampMs)
        else if (op.kind === 'remove') store.remove(op.side, op.key, op.timestampMs)
        else store.lookedAtMs = op.lookedAtMs ?? Number.POSITIVE_INFINITY
        return contents(store)
      },
      contents,
    })
  })
})

function contents(store: UnmatchedStore<string, number, number>) {
  const waiting = [...store.all()].map(({ side, key, timestampMs, values }) => [
    side,
    key,
    timestampMs,
    [...values],
  ])
  return { waiting, lookedAtMs: store.lookedAtMs, size: store.size }
}
