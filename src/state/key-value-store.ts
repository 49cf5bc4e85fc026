import { oneOf } from '../checked.ts'
import { RivuletError } from '../errors.ts'
import { type BindSerde, unbound } from '../serdes/bound-serde.ts'
import type { Serde } from '../serdes/serde.ts'
import { DirtyList } from './dirty-list.ts'
import type { RowTable } from './disk-table.ts'
import { Recent } from './recent.ts'
import {
  type ChangelogAppender,
  type MapKey,
  mapKeyOf,
  type StateStore,
  type StoreSpec,
  type StoreType,
} from './store.ts'

/** One row, with its time. */
export interface KeyValueEntry<K, V> {
  /** The row's key. */
  readonly key: K
  /** The row's value. */
  readonly value: V
  /** Event time of the record that made it. */
  readonly timestampMs: number
}

/** What may be asked of a key-value store from outside a task. */
export interface ReadOnlyKeyValueStore<K, V> {
  /** The value of the key; undefined: there is none. */
  get(key: K): V | undefined
  /** All entries, in no particular order. */
  all(): Iterable<KeyValueEntry<K, V>>
}

interface Entry<K, V> {
  readonly key: K
  /** undefined: deleted, and only here until changelog and table know. */
  value: V | undefined
  timestampMs: number
  dirty: boolean
  /** Where its row lies in the table; undefined: in none. */
  readonly position: number | undefined
}

/** How a store is named, and how what it holds is written to its changelog. */
export interface KeyValueStoreOptions<K, V> {
  /** Of the store: unique in the topology. */
  readonly name: string
  /** How keys are written. Keys are equal if their bytes, or primitives, are. */
  readonly key: Serde<K>
  /** How values are written. */
  readonly value: Serde<V>
}

/** So many rows of a table are held in memory beside those that have changed, as they may be asked for again. */
const recentRowsMax = 4_096

/**
 * The newest value of each key, with the time of its record: all in memory or, with a table, those that the table has not
 * got yet, and some others. Source: Kafka Streams' `TimestampedKeyValueStore`.
 */
export class KeyValueStore<K, V> implements StateStore, ReadOnlyKeyValueStore<K, V> {
  readonly name: string
  readonly #key: Serde<K>
  readonly #value: Serde<V>
  readonly #mapKey: (key: K) => MapKey
  readonly #table: RowTable | undefined
  readonly #entries = new Map<MapKey, Entry<K, V>>()
  readonly #dirty = new DirtyList<Entry<K, V>>()
  /** Rows as the table has them. */
  readonly #recent = new Recent<MapKey, Entry<K, V>>(recentRowsMax)
  /** Handed over to the changelog, and not in the table yet. */
  #drained: readonly Entry<K, V>[] = []
  /** By how many rows there are more than in the table, and how many of these were handed over. */
  #added = 0
  #drainedAdded = 0

  constructor({ name, key, value }: KeyValueStoreOptions<K, V>, bind: BindSerde = unbound, table?: RowTable) {
    this.name = name
    this.#key = bind(key, 'key')
    this.#value = bind(value, 'value')
    this.#mapKey = mapKeyOf(this.#key)
    this.#table = table
  }

  get size(): number {
    return this.#table ? this.#table.size + this.#added : this.#entries.size
  }

  get unsettled(): number {
    return this.#table ? this.#entries.size : 0
  }

  /** The value of the key; undefined: there is none. */
  get(key: K): V | undefined {
    return this.#find(this.#mapKey(key), key)?.value
  }

  /** The entry as it stands now: it changes with the next `put` of its key. */
  entry(key: K): Readonly<KeyValueEntry<K, V | undefined>> | undefined {
    const entry = this.#find(this.#mapKey(key), key)
    return entry?.value === undefined ? undefined : entry
  }

  /** Sets the value of the key. `timestampMs`: event time of the record that makes it. */
  put(key: K, value: V, timestampMs: number): void {
    const mapKey = this.#mapKey(key)
    const found = this.#find(mapKey, key)
    if (found?.value === undefined) this.#added++
    const entry = found ?? { key, value, timestampMs, dirty: false, position: undefined }
    entry.value = value
    entry.timestampMs = timestampMs
    // In memory alone it is there already.
    if (!found || this.#table) this.#entries.set(mapKey, entry)
    this.#dirty.mark(entry)
  }

  /** Removes the row of the key, if there is one. `timestampMs`: event time of the record that does it. */
  delete(key: K, timestampMs: number): void {
    const mapKey = this.#mapKey(key)
    const entry = this.#find(mapKey, key)
    if (entry?.value === undefined) return
    this.#added--
    entry.value = undefined
    entry.timestampMs = timestampMs
    this.#dirty.mark(entry)
    // It hides the table's row.
    if (this.#table) this.#entries.set(mapKey, entry)
    else this.#entries.delete(mapKey)
  }

  *all(): Iterable<KeyValueEntry<K, V>> {
    // What goes from memory into the table meanwhile must not be seen twice.
    const inMemory = this.#table && new Set(this.#entries.keys())
    for (const { key, value, timestampMs } of this.#entries.values()) {
      if (value !== undefined) yield { key, value, timestampMs }
    }
    for (const row of this.#table?.rows() ?? []) {
      const key = this.#key.deserialize(row.key)
      if (inMemory?.has(this.#mapKey(key))) continue
      yield { key, value: this.#value.deserialize(row.value), timestampMs: row.timestampMs }
    }
  }

  drainChanges(append: ChangelogAppender): void {
    const drained = this.#dirty.take()
    for (const { key, value, timestampMs, position } of drained) {
      const bytes = value === undefined ? null : this.#value.serialize(value)
      append(this.#key.serialize(key), bytes, timestampMs, position)
    }
    if (!this.#table || drained.length === 0) return
    this.#drained = drained
    this.#drainedAdded = this.#added
  }

  restore(key: Buffer, value: Buffer | null, timestampMs: number): void {
    if (this.#table) {
      // The table gets it: what was read of it before may be older.
      this.#recent.clear()
      return
    }
    const decoded = this.#key.deserialize(key)
    if (value === null) this.#entries.delete(this.#mapKey(decoded))
    else {
      const entry = {
        key: decoded,
        value: this.#value.deserialize(value),
        timestampMs,
        dirty: false,
        position: undefined,
      }
      this.#entries.set(this.#mapKey(decoded), entry)
    }
  }

  settle(): void {
    this.#added -= this.#drainedAdded
    for (const entry of this.#drained) if (!entry.dirty) this.#entries.delete(this.#mapKey(entry.key))
    this.#drained = []
  }

  #find(mapKey: MapKey, key: K): Entry<K, V> | undefined {
    return this.#entries.get(mapKey) ?? (this.#table && this.#read(mapKey, key, this.#table))
  }

  #read(mapKey: MapKey, key: K, table: RowTable): Entry<K, V> | undefined {
    const recent = this.#recent.get(mapKey)
    if (recent) return recent
    const row = table.get(this.#key.serialize(key))
    if (!row) return undefined
    const { position, timestampMs } = row
    const entry = { key, value: this.#value.deserialize(row.value), timestampMs, dirty: false, position }
    this.#recent.set(mapKey, entry)
    return entry
  }
}

/** How a key-value store is kept. */
export interface KeyValueStoreKept {
  /** false: it has no changelog. Default true. */
  readonly logged?: boolean
  /** Default: the environment's `storeType`. */
  readonly storeType?: StoreType | undefined
}

/**
 * A key-value store for a processor; `logged: false` keeps no changelog, so what it holds is gone after a restart. Throws
 * `BAD_TOPOLOGY` for one that can't be on disk and is to be: without a changelog, or with serdes that must fetch something
 * before they can read, as nothing waits for them. Source: Kafka Streams `Stores.keyValueStoreBuilder`,
 * `Stores.persistentKeyValueStore`.
 *
 * @example
 * ```ts
 * const seen = keyValueStore({ name: 'seen', key: serdes.string, value: serdes.long })
 * ```
 */
export function keyValueStore<K, V>(
  options: KeyValueStoreOptions<K, V> & KeyValueStoreKept,
): StoreSpec<KeyValueStore<K, V>> {
  const { name, key, value, logged = true } = options
  const storeType = checkedStoreType(options)
  return {
    name,
    kind: 'key-value',
    logged,
    ...(storeType && { storeType }),
    key,
    written: { key: key.name, value: value.name },
    create: (bind, table) => new KeyValueStore(options, bind, table),
  }
}

/** Undefined: it can only be in memory. */
function checkedStoreType<K, V>({
  name,
  key,
  value,
  logged = true,
  storeType,
}: KeyValueStoreOptions<K, V> & KeyValueStoreKept): StoreType | 'default' | undefined {
  if (storeType !== undefined) oneOf({ storeType }, ['memory', 'disk'], { step: name })
  const prepares = key.prepareRead !== undefined || value.prepareRead !== undefined
  if (logged && !prepares) return storeType ?? 'default'
  if (storeType !== 'disk') return undefined
  const why = logged ? 'its serdes must fetch something before they can read' : 'it has no changelog'
  const message = `the store "${name}" can't be on disk: ${why}`
  throw new RivuletError('BAD_TOPOLOGY', message, { place: { step: name, parameter: 'storeType' } })
}
