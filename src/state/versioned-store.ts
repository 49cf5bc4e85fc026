import { checked } from '../checked.ts'
import { type BindSerde, unbound } from '../serdes/bound-serde.ts'
import { int64, joinParts, readInt64, splitParts } from '../serdes/parts.ts'
import type { Serde } from '../serdes/serde.ts'
import type { KeyValueEntry, ReadOnlyKeyValueStore } from './key-value-store.ts'
import { RetentionClock } from './retention-clock.ts'
import { type ChangelogAppender, type MapKey, mapKeyOf, type StateStore, type StoreSpec } from './store.ts'

/** What may be asked of a versioned store from outside a task. */
export interface ReadOnlyVersionedStore<K, V> extends ReadOnlyKeyValueStore<K, V> {
  /** The row as it stood at `atMs`; undefined if there was none, or if that is further back than the history. */
  getAsOf(key: K, atMs: number): KeyValueEntry<K, V> | undefined
}

interface Version<V> {
  /** null: from here on the row is deleted. */
  value: V | null
  readonly timestampMs: number
}

interface Row<K, V> {
  readonly key: K
  /** In order of time. */
  readonly versions: Version<V>[]
}

interface Change<K, V> {
  readonly key: K
  readonly version: Version<V>
  gone: boolean
}

/** How a store is named and written, and how far back one may look. */
export interface VersionedStoreOptions<K, V> {
  /** Of the store: unique in the topology. */
  readonly name: string
  /** How keys are written. Keys are equal if their bytes, or primitives, are. */
  readonly key: Serde<K>
  /** How values are written. */
  readonly value: Serde<V>
  /** How far back one may look: a version is kept while it was valid less than this before the newest time seen. */
  readonly historyMs: number
}

/** What became of an update: it is the newest of its key, one of its past, or too old to be kept. */
export type PutResult = 'latest' | 'history' | 'too-old'

/**
 * Each key's values with the times from which they were valid. The latest one never expires. Source: Kafka Streams
 * `VersionedKeyValueStore`.
 */
export class VersionedStore<K, V> implements StateStore, ReadOnlyVersionedStore<K, V> {
  readonly name: string
  readonly #key: Serde<K>
  readonly #value: Serde<V>
  readonly #mapKey: (key: K) => MapKey
  readonly #clock: RetentionClock
  readonly #rows = new Map<MapKey, Row<K, V>>()
  #size = 0
  readonly #dirty = new Map<Version<V>, Change<K, V>>()

  constructor({ name, key, value, historyMs }: VersionedStoreOptions<K, V>, bind: BindSerde = unbound) {
    this.name = name
    this.#key = bind(key, 'key')
    this.#value = bind(value, 'value')
    this.#mapKey = mapKeyOf(this.#key)
    this.#clock = new RetentionClock(historyMs)
  }

  /** How many versions it holds, deletions included. */
  get size(): number {
    return this.#size
  }

  /** The key has had this value since `timestampMs`, until its next later version; null: no row. */
  put(key: K, value: V | null, timestampMs: number): PutResult {
    if (timestampMs < this.#clock.horizonMs) return 'too-old'
    const row = this.#insert(key, value, timestampMs)
    const isLatest = row.versions.at(-1)?.timestampMs === timestampMs
    this.#expire(row)
    return isLatest ? 'latest' : 'history'
  }

  /** The latest value; undefined: there is none, or it is deleted. */
  get(key: K): V | undefined {
    return this.entry(key)?.value
  }

  /** The latest version, if it is no deletion. */
  entry(key: K): KeyValueEntry<K, V> | undefined {
    return entryOf(key, this.#rows.get(this.#mapKey(key))?.versions.at(-1))
  }

  getAsOf(key: K, atMs: number): KeyValueEntry<K, V> | undefined {
    const versions = this.#rows.get(this.#mapKey(key))?.versions
    if (!versions) return undefined
    const i = lastAtOrBefore(versions, atMs)
    const isLatest = i === versions.length - 1
    // The latest version is found however old it is; what was before it, only within the history.
    if (!isLatest && atMs < this.#clock.horizonMs) return undefined
    return entryOf(key, versions[i])
  }

  *all(): Iterable<KeyValueEntry<K, V>> {
    for (const { key, versions } of this.#rows.values()) {
      const entry = entryOf(key, versions.at(-1))
      if (entry) yield entry
    }
  }

  drainChanges(append: ChangelogAppender): void {
    for (const { key, version, gone } of this.#dirty.values()) {
      const bytes = joinParts(this.#key.serialize(key), int64(version.timestampMs))
      append(bytes, gone ? null : this.#versionBytes(version), version.timestampMs)
    }
    this.#dirty.clear()
  }

  restore(bytes: Buffer, value: Buffer | null, timestampMs: number): void {
    const [keyBytes, time] = splitParts(bytes) as [Buffer, Buffer]
    const key = this.#key.deserialize(keyBytes)
    if (value === null) this.#remove(key, readInt64(time))
    else {
      const [present] = splitParts(value)
      // The changelog is in no order of time, and what had expired has been deleted from it.
      this.#insert(key, present === undefined ? null : this.#value.deserialize(present), timestampMs)
    }
    this.#dirty.clear()
  }

  /** No part: a deletion. */
  #versionBytes({ value }: Version<V>): Buffer {
    return value === null ? joinParts() : joinParts(this.#value.serialize(value))
  }

  #insert(key: K, value: V | null, timestampMs: number): Row<K, V> {
    this.#clock.observe(timestampMs)
    const row = this.#row(key)
    const { versions } = row
    const i = lastAtOrBefore(versions, timestampMs)
    const present = versions[i]
    if (present?.timestampMs === timestampMs) {
      present.value = value
      this.#mark(row, present)
    } else {
      const version = { value, timestampMs }
      versions.splice(i + 1, 0, version)
      this.#size++
      this.#mark(row, version)
    }
    return row
  }

  #row(key: K): Row<K, V> {
    const mapKey = this.#mapKey(key)
    const present = this.#rows.get(mapKey)
    if (present) return present
    const row = { key, versions: [] }
    this.#rows.set(mapKey, row)
    return row
  }

  /** Forgets the versions that had been replaced when the history begins. */
  #expire(row: Row<K, V>): void {
    const { versions } = row
    const oldestMs = this.#clock.horizonMs
    let expired = 0
    while (expired + 1 < versions.length && (versions[expired + 1] as Version<V>).timestampMs <= oldestMs)
      expired++
    // A deletion that is as old says no more than nothing would.
    const first = versions[expired]
    if (first && first.value === null && first.timestampMs < oldestMs) expired++
    for (const version of versions.splice(0, expired)) this.#forget(row, version)
    if (versions.length === 0) this.#rows.delete(this.#mapKey(row.key))
  }

  #remove(key: K, timestampMs: number): void {
    const row = this.#rows.get(this.#mapKey(key))
    const i = row?.versions.findIndex((version) => version.timestampMs === timestampMs) ?? -1
    if (!row || i < 0) return
    row.versions.splice(i, 1)
    this.#size--
    if (row.versions.length === 0) this.#rows.delete(this.#mapKey(key))
  }

  #forget(row: Row<K, V>, version: Version<V>): void {
    this.#size--
    this.#mark(row, version).gone = true
  }

  #mark({ key }: Row<K, V>, version: Version<V>): Change<K, V> {
    const known = this.#dirty.get(version)
    if (known) return known
    const change = { key, version, gone: false }
    this.#dirty.set(version, change)
    return change
  }
}

function entryOf<K, V>(key: K, version: Version<V> | undefined): KeyValueEntry<K, V> | undefined {
  if (!version || version.value === null) return undefined
  return { key, value: version.value, timestampMs: version.timestampMs }
}

/** Index of the last version at or before the time, −1 if there is none. Most updates are the newest. */
function lastAtOrBefore<V>(versions: readonly Version<V>[], timestampMs: number): number {
  let i = versions.length - 1
  while (i >= 0 && (versions[i] as Version<V>).timestampMs > timestampMs) i--
  return i
}

/**
 * A versioned store for a processor. Throws `BAD_TOPOLOGY` for a history that is no whole number of at least 0. Source:
 * Kafka Streams `Stores.versionedKeyValueStoreBuilder`.
 *
 * @example
 * ```ts
 * const rates = versionedStore({ name: 'rates', key: serdes.string, value: serdes.double, historyMs: 3_600_000 })
 * ```
 */
export function versionedStore<K, V>(options: VersionedStoreOptions<K, V>): StoreSpec<VersionedStore<K, V>> {
  checked({ historyMs: options.historyMs }, 0, 'BAD_TOPOLOGY', { step: options.name })
  return {
    name: options.name,
    kind: 'versioned',
    retentionMs: options.historyMs,
    logged: true,
    key: options.key,
    written: { key: options.key.name, value: options.value.name },
    create: (bind) => new VersionedStore(options, bind),
  }
}
