import fc from 'fast-check'
import { describe, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { sessionStore } from '../../src/state/session-store.ts'
import { survivesRestart } from '../support/restart-property.ts'

describe('a session store', () => {
  test('holds the same and goes on the same after a restart', () => {
    survivesRestart({
      spec: () => sessionStore({ name: 's', key: serdes.string, value: serdes.long, retentionMs: 20 }),
      op: fc.record({
        key: fc.constantFrom('a', 'b'),
        startMs: fc.nat(50),
        lengthMs: fc.nat(3),
        value: fc.option(fc.nat(9)),
      }),
      apply(store, { key, startMs, lengthMs, value }) {
        const windowed = { key, startMs, endMs: startMs + lengthMs }
        if (value === null) store.delete(windowed)
        else store.put(windowed, value)
        return shown(store.fetch(key, startMs - 3, startMs + 3))
      },
      contents: (store) => ['a', 'b'].map((key) => shown(store.fetch(key, 0, 99))),
    })
  })
})

function shown(entries: readonly { windowed: object; value: number }[]) {
  return entries.map(({ windowed, value }) => ({ ...windowed, value }))
}
