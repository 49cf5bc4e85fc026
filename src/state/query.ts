import type { Serde } from '../serdes/serde.ts'
import type { Windowed } from '../windows/windows.ts'
import type { KeyValueEntry } from './key-value-store.ts'
import type { RowStore } from './row-reader.ts'
import { SessionStore } from './session-store.ts'
import type { StateStore, StoreSpec } from './store.ts'
import type { WindowStore } from './window-store.ts'

/** A store with one row for each key, to be asked: of `keyValueStore`, `versionedStore`, or a table's `queryable()`. */
export type TableRef<K, V> = StoreSpec<RowStore<K, V>>

/** A store with windows or sessions of each key, to be asked: of `windowStore`, or a windowed table's `queryable()`. */
export type WindowRef<K, V> = StoreSpec<WindowStore<K, V> | SessionStore<K, V>>

/** Where the parts of a store are: one for each task that has it. */
export interface StoreParts {
  /** Those of this instance. Throws a retryable `NOT_READY` where one that belongs here is not restored yet. */
  here(): readonly StateStore[]
  /** Whether the part that the key belongs to is here. */
  holds(key: Buffer): boolean
}

/** What every store can be asked. */
export interface Query<K> {
  /** Of the store. */
  readonly name: string
  /** How keys are written. */
  readonly key: Serde<K>
  /** How many entries this instance has. */
  size(): number
  /** Whether this instance is the one that has this key; with several, another one may. */
  holds(key: K): boolean
}

/**
 * What a table holds on this instance now, also what is not committed yet. Every question throws a retryable
 * `NOT_READY` while tasks start or move. Source: Kafka Streams' `ReadOnlyKeyValueStore`.
 */
export interface TableQuery<K, V> extends Query<K> {
  /** Tells it from a `WindowQuery`. */
  readonly kind: 'table'
  /** The value of the key; undefined: this instance has none. */
  get(key: K): V | undefined
  /** The row of the key with its time, a copy; undefined: this instance has none. */
  entry(key: K): KeyValueEntry<K, V> | undefined
  /** In no particular order. What changes meanwhile is seen or not. */
  all(): Iterable<KeyValueEntry<K, V>>
}

/** One window or session of one key. */
export interface WindowRow<K, V> {
  /** Its key, start and end. */
  readonly windowed: Windowed<K>
  /** The aggregate. */
  readonly value: V
}

/**
 * What a windowed table holds on this instance now, as a `TableQuery` says it of a table. Source: Kafka Streams'
 * `ReadOnlyWindowStore` and `ReadOnlySessionStore`.
 */
export interface WindowQuery<K, V> extends Query<K> {
  /** Tells it from a `TableQuery`. */
  readonly kind: 'windows'
  /** The key's windows that start in `[fromMs, toMs]`, earliest first; default: all that are not forgotten. */
  fetch(key: K, fromMs?: number, toMs?: number): readonly WindowRow<K, V>[]
  /** By key in no particular order, each key's earliest first. */
  all(): Iterable<WindowRow<K, V>>
}

export function tableQuery<K, V>(
  { name }: TableRef<K, V>,
  key: Serde<K>,
  parts: StoreParts,
): TableQuery<K, V> {
  // A name belongs to one spec in a topology, so what is found under it is what the spec makes.
  const stores = () => parts.here() as readonly RowStore<K, V>[]
  const entry = (wanted: K): KeyValueEntry<K, V> | undefined => {
    for (const store of stores()) {
      const found = store.entry(wanted)
      if (found?.value !== undefined)
        return { key: found.key, value: found.value, timestampMs: found.timestampMs }
    }
    return undefined
  }
  return {
    ...queryBase(name, key, parts),
    kind: 'table',
    get: (wanted) => entry(wanted)?.value,
    entry,
    *all() {
      for (const store of stores()) yield* store.all()
    },
  }
}

export function windowQuery<K, V>(
  { name }: WindowRef<K, V>,
  key: Serde<K>,
  parts: StoreParts,
): WindowQuery<K, V> {
  const stores = () => parts.here() as readonly (WindowStore<K, V> | SessionStore<K, V>)[]
  return {
    ...queryBase(name, key, parts),
    kind: 'windows',
    fetch: (wanted, fromMs = 0, toMs = Number.MAX_SAFE_INTEGER) =>
      stores().flatMap((store) => rowsIn(store, wanted, fromMs, toMs)),
    *all() {
      for (const store of stores()) for (const found of store.all()) yield rowOf(found)
    },
  }
}

function queryBase<K>(name: string, key: Serde<K>, parts: StoreParts): Query<K> {
  return {
    name,
    key,
    size: () => parts.here().reduce((sum, { size }) => sum + size, 0),
    holds: (wanted) => parts.holds(key.serialize(wanted)),
  }
}

function rowsIn<K, V>(
  store: WindowStore<K, V> | SessionStore<K, V>,
  key: K,
  fromMs: number,
  toMs: number,
): WindowRow<K, V>[] {
  if (!(store instanceof SessionStore)) return store.fetch(key, fromMs, toMs).map(rowOf)
  // A session store is asked for what overlaps.
  const overlapping = store.fetch(key, fromMs, toMs)
  return overlapping.filter(({ windowed }) => windowed.startMs >= fromMs).map(rowOf)
}

/** A copy: the store's own entry changes with the next record. */
function rowOf<K, V>({ windowed, value }: WindowRow<K, V>): WindowRow<K, V> {
  return { windowed, value }
}
