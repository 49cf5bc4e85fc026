import { type BindSerde, unbound } from '../serdes/bound-serde.ts'
import type { Serde } from '../serdes/serde.ts'
import { DirtyList } from './dirty-list.ts'
import { type ChangelogAppender, type MapKey, mapKeyOf, type StateStore, type StoreSpec } from './store.ts'

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
  /** undefined: deleted, and only here until the changelog knows. */
  value: V | undefined
  timestampMs: number
  dirty: boolean
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

/** The newest value of each key, with the time of its record. Source: Kafka Streams' `TimestampedKeyValueStore`. */
export class KeyValueStore<K, V> implements StateStore, ReadOnlyKeyValueStore<K, V> {
  readonly name: string
  readonly #key: Serde<K>
  readonly #value: Serde<V>
  readonly #mapKey: (key: K) => MapKey
  readonly #entries = new Map<MapKey, Entry<K, V>>()
  readonly #dirty = new DirtyList<Entry<K, V>>()

  constructor({ name, key, value }: KeyValueStoreOptions<K, V>, bind: BindSerde = unbound) {
    this.name = name
    this.#key = bind(key, 'key')
    this.#value = bind(value, 'value')
    this.#mapKey = mapKeyOf(this.#key)
  }

  get size(): number {
    return this.#entries.size
  }

  /** The value of the key; undefined: there is none. */
  get(key: K): V | undefined {
    return this.#entries.get(this.#mapKey(key))?.value
  }

  /** The entry as it stands now: it changes with the next `put` of its key. */
  entry(key: K): Readonly<KeyValueEntry<K, V | undefined>> | undefined {
    return this.#entries.get(this.#mapKey(key))
  }

  /** Sets the value of the key. `timestampMs`: event time of the record that makes it. */
  put(key: K, value: V, timestampMs: number): void {
    const mapKey = this.#mapKey(key)
    const entry = this.#entries.get(mapKey)
    if (entry) {
      entry.value = value
      entry.timestampMs = timestampMs
      this.#dirty.mark(entry)
      return
    }
    const added: Entry<K, V> = { key, value, timestampMs, dirty: false }
    this.#entries.set(mapKey, added)
    this.#dirty.mark(added)
  }

  /** Removes the row of the key, if there is one. `timestampMs`: event time of the record that does it. */
  delete(key: K, timestampMs: number): void {
    const mapKey = this.#mapKey(key)
    const entry = this.#entries.get(mapKey)
    if (!entry) return
    this.#entries.delete(mapKey)
    entry.value = undefined
    entry.timestampMs = timestampMs
    this.#dirty.mark(entry)
  }

  *all(): Iterable<KeyValueEntry<K, V>> {
    for (const { key, value, timestampMs } of this.#entries.values()) {
      if (value !== undefined) yield { key, value, timestampMs }
    }
  }

  drainChanges(append: ChangelogAppender): void {
    for (const entry of this.#dirty.take()) {
      const value = entry.value === undefined ? null : this.#value.serialize(entry.value)
      append(this.#key.serialize(entry.key), value, entry.timestampMs)
    }
  }

  restore(key: Buffer, value: Buffer | null, timestampMs: number): void {
    const decoded = this.#key.deserialize(key)
    if (value === null) this.#entries.delete(this.#mapKey(decoded))
    else {
      const entry = { key: decoded, value: this.#value.deserialize(value), timestampMs, dirty: false }
      this.#entries.set(this.#mapKey(decoded), entry)
    }
  }
}

/**
 * A key-value store for a processor; `logged: false` keeps no changelog, so what it holds is gone after a restart.
 * Source: Kafka Streams `Stores.keyValueStoreBuilder`.
 *
 * @example
 * ```ts
 * const seen = keyValueStore({ name: 'seen', key: serdes.string, value: serdes.long })
 * ```
 */
export function keyValueStore<K, V>(
  options: KeyValueStoreOptions<K, V> & { readonly logged?: boolean },
): StoreSpec<KeyValueStore<K, V>> {
  return {
    name: options.name,
    kind: 'key-value',
    logged: options.logged ?? true,
    key: options.key,
    written: { key: options.key.name, value: options.value.name },
    create: (bind) => new KeyValueStore(options, bind),
  }
}
