import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { windowStore } from '../../src/state/window-store.ts'
import { survivesRestart } from '../support/restart-property.ts'

describe('a window store', () => {
  test('holds the same and goes on the same after a restart', () => {
    survivesRestart({
      spec: () =>
        windowStore({ name: 's', key: serdes.string, value: serdes.long, sizeMs: 5, retentionMs: 20 }),
      op: fc.record({
        key: fc.constantFrom('a', 'b'),
        startMs: fc.nat(60),
        value: fc.option(fc.nat(9)),
        timestampMs: fc.nat(9),
      }),
      apply(store, { key, startMs, value, timestampMs }) {
        if (value === null) store.delete(key, startMs, timestampMs)
        else store.put(key, startMs, value, timestampMs)
        return shown(store.fetch(key, startMs - 3, startMs + 3))
      },
      contents: (store) => ['a', 'b'].map((key) => shown(store.fetch(key, 0, 99))),
    })
  })

  test('does not tell the changelog of a window that came and was forgotten since it heard last', () => {
    const kept = { sizeMs: 5, retentionMs: 20 }
    const store = windowStore({ name: 's', key: serdes.string, value: serdes.long, ...kept }).create()
    const changes: string[] = []
    const drain = () =>
      store.drainChanges((key, value) => changes.push(`${key.readBigInt64BE(1)} ${value?.readBigInt64BE()}`))
    for (const startMs of [0, 5, 50]) store.put('a', startMs, startMs, startMs)
    drain()
    expect(changes).toEqual(['50 50'])
  })

  test('tells the changelog of a window until it is final by the time of its owner', () => {
    const kept = { sizeMs: 5, retentionMs: 20 }
    const store = windowStore({ name: 's', key: serdes.string, value: serdes.long, ...kept }).create()
    const time = { ms: 24 }
    store.finalBy(time)
    const changes: bigint[] = []
    const change = () => {
      for (const startMs of [5, 10]) store.put('a', startMs, startMs, startMs)
      store.drainChanges((key) => changes.push(key.readBigInt64BE(1)))
    }
    change()
    time.ms = 25
    change()
    expect(changes).toEqual([5n, 10n, 10n])
    expect(store.find('a', 5)).toBeDefined()
  })
})

function shown(entries: readonly { windowed: object; value: number; timestampMs: number }[]) {
  return entries.map(({ windowed, value, timestampMs }) => ({ ...windowed, value, timestampMs }))
}
