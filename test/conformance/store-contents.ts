import { KeyValueStore } from '../../src/state/key-value-store.ts'
import { SessionStore } from '../../src/state/session-store.ts'
import type { StateStore } from '../../src/state/store.ts'
import { VersionedStore } from '../../src/state/versioned-store.ts'
import { WindowStore } from '../../src/state/window-store.ts'

interface StoreEntry {
  readonly key: unknown
  readonly value: unknown
  readonly timestampMs?: number
}

/** What a store holds, as the cases write it. */
export function contentsOf(store: StateStore): StoreEntry[] {
  if (store instanceof KeyValueStore || store instanceof VersionedStore) return [...store.all()]
  if (store instanceof WindowStore) {
    return [...store.all()].map(({ windowed, value, timestampMs }) => ({ key: windowed, value, timestampMs }))
  }
  if (store instanceof SessionStore)
    return [...store.all()].map(({ windowed, value }) => ({ key: windowed, value }))
  throw new Error(`the contents of a ${store.constructor.name} can't be compared yet`)
}
