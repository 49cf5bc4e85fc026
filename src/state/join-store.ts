import { type BindSerde, unbound } from '../serdes/bound-serde.ts'
import { int64, joinParts, readInt64, splitParts } from '../serdes/parts.ts'
import type { Serde } from '../serdes/serde.ts'
import { firstNotBefore } from './first-not-before.ts'
import { RetentionClock } from './retention-clock.ts'
import { type ChangelogAppender, type MapKey, mapKeyOf, type StateStore, type StoreSpec } from './store.ts'

/** A record that waits for its matches. */
export interface JoinRecord<V> {
  /** The record's. */
  readonly value: V
  /** Event time, ms since the epoch. */
  readonly timestampMs: number
}

interface Entry<V> extends JoinRecord<V> {
  /** Tells records of one key and time apart, in order of arrival. */
  readonly sequence: number
}

interface Change<K, V> {
  readonly key: K
  readonly entry: Entry<V>
}

/** How one side of a join is named and written, and how long it is kept. */
export interface JoinStoreOptions<K, V> {
  /** Of the store: unique in the topology. */
  readonly name: string
  /** How keys are written. */
  readonly key: Serde<K>
  /** How values are written. */
  readonly value: Serde<V>
  /** A record is found while its timestamp > (largest timestamp ever put) − retentionMs. */
  readonly retentionMs: number
}

/**
 * One side of a stream–stream join: its records by key, in order of time and then of arrival. It forgets: records at or
 * before (largest timestamp ever put) − retention are not found, however late the other side is. Source: Kafka Streams'
 * window store with `retainDuplicates`.
 */
export class JoinStore<K, V> implements StateStore {
  readonly name: string
  readonly #key: Serde<K>
  readonly #value: Serde<V>
  readonly #mapKey: (key: K) => MapKey
  readonly #retentionMs: number
  readonly #clock: RetentionClock
  readonly #byKey = new Map<MapKey, Entry<V>[]>()
  /** When the keys were last looked through for what is forgotten. */
  #sweptMs = Number.NEGATIVE_INFINITY
  #sequence = 0
  #size = 0
  #dirty: Change<K, V>[] = []

  constructor({ name, key, value, retentionMs }: JoinStoreOptions<K, V>, bind: BindSerde = unbound) {
    this.name = name
    this.#key = bind(key, 'key')
    this.#value = bind(value, 'value')
    this.#mapKey = mapKeyOf(this.#key)
    this.#retentionMs = retentionMs
    this.#clock = new RetentionClock(retentionMs)
  }

  get size(): number {
    return this.#size
  }

  /** Keeps the record, unless it would be forgotten at once. */
  put(key: K, value: V, timestampMs: number): void {
    this.#insert(key, { value, timestampMs, sequence: this.#sequence++ })
  }

  /** The key's records in `[fromMs, toMs]`, earliest first, those of one time in order of arrival. */
  fetch(key: K, fromMs: number, toMs: number): readonly JoinRecord<V>[] {
    const entries = this.#byKey.get(this.#mapKey(key))
    if (!entries) return []
    const from = firstAfter(entries, Math.max(fromMs - 1, this.#clock.horizonMs))
    return entries.slice(from, firstAfter(entries, toMs))
  }

  drainChanges(append: ChangelogAppender): void {
    for (const { key, entry } of this.#dirty) {
      const { value, timestampMs, sequence } = entry
      // What has been forgotten meanwhile would be forgotten again.
      if (timestampMs <= this.#clock.horizonMs) continue
      const bytes = joinParts(this.#key.serialize(key), int64(timestampMs), int64(sequence))
      append(bytes, this.#value.serialize(value), timestampMs)
    }
    this.#dirty = []
  }

  restore(bytes: Buffer, value: Buffer | null, timestampMs: number): void {
    // The changelog forgets by its own retention: there are no tombstones in it but those of the broker.
    if (value === null) return
    const [key, , sequenceBytes] = splitParts(bytes) as [Buffer, Buffer, Buffer]
    const sequence = readInt64(sequenceBytes)
    this.#sequence = Math.max(this.#sequence, sequence + 1)
    this.#insert(this.#key.deserialize(key), { value: this.#value.deserialize(value), timestampMs, sequence })
    this.#dirty = []
  }

  #insert(key: K, entry: Entry<V>): void {
    if (this.#clock.observe(entry.timestampMs)) this.#sweep(entry.timestampMs)
    if (entry.timestampMs <= this.#clock.horizonMs) return
    const mapKey = this.#mapKey(key)
    let entries = this.#byKey.get(mapKey)
    if (!entries) {
      entries = []
      this.#byKey.set(mapKey, entries)
    }
    const place = placeOf(entries, entry)
    const before = entries[place - 1]
    // Only a changelog brings a record that is there.
    const isThere = before?.sequence === entry.sequence && before.timestampMs === entry.timestampMs
    entries.splice(isThere ? place - 1 : place, isThere ? 1 : 0, entry)
    if (!isThere) this.#size++
    this.#dirty.push({ key, entry })
  }

  #sweep(observedMs: number): void {
    // Once a retention, every key: each record is looked at about twice in its life.
    if (observedMs - this.#sweptMs < Math.max(1, this.#retentionMs)) return
    this.#sweptMs = observedMs
    for (const [mapKey, entries] of this.#byKey) {
      const forgotten = firstAfter(entries, this.#clock.horizonMs)
      if (forgotten === entries.length) this.#byKey.delete(mapKey)
      else entries.splice(0, forgotten)
      this.#size -= forgotten
    }
  }
}

/** Index of the first record later than the time. */
function firstAfter<V>(entries: readonly Entry<V>[], timestampMs: number): number {
  return firstNotBefore(entries, timestampMs, isUntil)
}

function isUntil({ timestampMs }: Entry<unknown>, untilMs: number): boolean {
  return timestampMs <= untilMs
}

function placeOf<V>(entries: readonly Entry<V>[], { timestampMs, sequence }: Entry<V>): number {
  let i = firstAfter(entries, timestampMs)
  // Only a changelog, compacted in its own order, brings records of one time out of the order of arrival.
  while (i > 0 && isBehind(entries[i - 1] as Entry<V>, timestampMs, sequence)) i--
  return i
}

function isBehind<V>(entry: Entry<V>, timestampMs: number, sequence: number): boolean {
  return entry.timestampMs === timestampMs && entry.sequence > sequence
}

/** The store of one side of a `streamJoin`: its retention is the window's before plus after plus grace. */
export function joinStore<K, V>(options: JoinStoreOptions<K, V>): StoreSpec<JoinStore<K, V>> {
  return {
    name: options.name,
    kind: 'window',
    retentionMs: options.retentionMs,
    logged: true,
    written: { key: options.key.name, value: options.value.name },
    create: (bind) => new JoinStore(options, bind),
  }
}
