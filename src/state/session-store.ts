import { type BindSerde, unbound } from '../serdes/bound-serde.ts'
import type { Serde } from '../serdes/serde.ts'
import { windowedSerde } from '../windows/windowed-serde.ts'
import type { Windowed } from '../windows/windows.ts'
import { compareBytes } from './compare-bytes.ts'
import { DirtyList } from './dirty-list.ts'
import { RetentionClock } from './retention-clock.ts'
import { Segments } from './segments.ts'
import { type ChangelogAppender, type MapKey, mapKeyOf, type StateStore, type StoreSpec } from './store.ts'

/** One session of one key. */
export interface SessionEntry<K, V> {
  /** Its key, start and end. */
  readonly windowed: Windowed<K>
  /** The aggregate. */
  readonly value: V
}

/** What may be asked of a session store from outside a task. */
export interface ReadOnlySessionStore<K, V> {
  /** The key's sessions that end at or after `endMs` and start at or before `startMs`, earliest first. */
  fetch(key: K, endMs: number, startMs: number): readonly SessionEntry<K, V>[]
  /** All sessions that have not been forgotten, by key, each key's earliest first. */
  all(): Iterable<SessionEntry<K, V>>
}

interface Entry<K, V> {
  readonly windowed: Windowed<K>
  value: V
  dirty: boolean
  deleted: boolean
}

/** How a store is named and written, and how long it remembers. */
export interface SessionStoreOptions<K, V> {
  /** Of the store: unique in the topology. */
  readonly name: string
  /** How keys are written. Keys are equal if their bytes, or primitives, are. */
  readonly key: Serde<K>
  /** How values are written. */
  readonly value: Serde<V>
  /** A session is found while its end > (largest end ever put) − retentionMs. */
  readonly retentionMs: number
}

/**
 * Values by key and session `[startMs, endMs]`, both ends inside. It forgets as a window store does, by the sessions'
 * ends. Source: Kafka Streams' `SessionStore`.
 */
export class SessionStore<K, V> implements StateStore, ReadOnlySessionStore<K, V> {
  readonly name: string
  readonly #key: Serde<K>
  readonly #windowed: Serde<Windowed<K>>
  readonly #value: Serde<V>
  readonly #mapKey: (key: K) => MapKey
  readonly #clock: RetentionClock
  /** Each key's sessions in order of start: few at a time. */
  readonly #byKey = new Map<MapKey, Entry<K, V>[]>()
  /** The same entries by end. */
  readonly #segments: Segments<Entry<K, V>>
  #size = 0
  readonly #dirty = new DirtyList<Entry<K, V>>()
  /** Deletions of what was not there, that have moved the store's time. */
  #moved: Windowed<K>[] = []

  constructor({ name, key, value, retentionMs }: SessionStoreOptions<K, V>, bind: BindSerde = unbound) {
    this.name = name
    this.#key = bind(key, 'key')
    this.#windowed = windowedSerde(this.#key)
    this.#value = bind(value, 'value')
    this.#mapKey = mapKeyOf(this.#key)
    this.#clock = new RetentionClock(retentionMs)
    this.#segments = new Segments(retentionMs / 4)
  }

  get size(): number {
    return this.#size
  }

  /** What will be forgotten, at or before the answer, once a session with that end is put. */
  forgottenBy(endMs: number): number {
    return this.#clock.horizonAfter(endMs)
  }

  fetch(key: K, endMs: number, startMs: number): readonly SessionEntry<K, V>[] {
    const from = Math.max(endMs, this.#clock.horizonMs + 1)
    const entries = this.#byKey.get(this.#mapKey(key)) ?? []
    return entries.filter(({ windowed }) => windowed.endMs >= from && windowed.startMs <= startMs)
  }

  /** Stores the session; one that would be forgotten at once is not kept. */
  put(windowed: Windowed<K>, value: V): void {
    this.#advance(windowed.endMs)
    if (windowed.endMs <= this.#clock.horizonMs) return
    const mapKey = this.#mapKey(windowed.key)
    const entries = this.#byKey.get(mapKey) ?? []
    this.#byKey.set(mapKey, entries)
    const present = entries.find((entry) => isSameWindow(entry.windowed, windowed))
    if (present) {
      present.value = value
      this.#dirty.mark(present)
      return
    }
    const entry = { windowed, value, dirty: false, deleted: false }
    const after = entries.findLastIndex((other) => other.windowed.startMs <= windowed.startMs)
    entries.splice(after + 1, 0, entry)
    this.#segments.add(windowed.endMs, entry)
    this.#size++
    this.#dirty.mark(entry)
  }

  /** Removes the session with that key, start and end, if there is one; like `put`, it moves the store's time. */
  delete(windowed: Windowed<K>): void {
    const moves = this.#advance(windowed.endMs)
    const entry = this.#byKey
      .get(this.#mapKey(windowed.key))
      ?.find((other) => isSameWindow(other.windowed, windowed))
    if (!entry) {
      // Nothing is deleted, but what it has made forgotten must stay so after a restart.
      if (moves) this.#moved.push(windowed)
      return
    }
    this.#remove(entry)
    this.#segments.deleted(windowed.endMs)
    this.#dirty.mark(entry)
  }

  /** The sessions of all keys that end in `[fromMs, toMs]`, in order of end, then of start, then of the serialized key. */
  endingIn(fromMs: number, toMs: number): readonly SessionEntry<K, V>[] {
    const from = Math.max(fromMs, this.#clock.horizonMs + 1)
    const found: { readonly entry: Entry<K, V>; readonly bytes: Buffer }[] = []
    for (const entry of this.#segments.near(from, toMs)) {
      const { key, endMs } = entry.windowed
      if (endMs >= from && endMs <= toMs) found.push({ entry, bytes: this.#key.serialize(key) })
    }
    found.sort(
      ({ entry: { windowed: a }, bytes: aBytes }, { entry: { windowed: b }, bytes: bBytes }) =>
        a.endMs - b.endMs || a.startMs - b.startMs || compareBytes(aBytes, bBytes),
    )
    return found.map(({ entry }) => entry)
  }

  *all(): Iterable<SessionEntry<K, V>> {
    for (const entries of this.#byKey.values()) {
      for (const entry of entries) if (entry.windowed.endMs > this.#clock.horizonMs) yield entry
    }
  }

  drainChanges(append: ChangelogAppender): void {
    for (const windowed of this.#moved) append(this.#windowed.serialize(windowed), null, windowed.endMs)
    this.#moved = []
    for (const entry of this.#dirty.take()) {
      const value = entry.deleted ? null : this.#value.serialize(entry.value)
      append(this.#windowed.serialize(entry.windowed), value, entry.windowed.endMs)
    }
  }

  restore(bytes: Buffer, value: Buffer | null): void {
    const windowed = this.#windowed.deserialize(bytes)
    if (value === null) this.delete(windowed)
    else this.put(windowed, this.#value.deserialize(value))
    // What comes from the changelog is known there.
    this.#dirty.take()
    this.#moved = []
  }

  /** Forgets what the time makes too old; answers whether it is later than all before. */
  #advance(endMs: number): boolean {
    if (!this.#clock.observe(endMs)) return false
    // The changelog forgets by its own retention: a tombstone would only cost.
    for (const entry of this.#segments.takeUntil(this.#clock.horizonMs)) this.#remove(entry)
    return true
  }

  #remove(entry: Entry<K, V>): void {
    const mapKey = this.#mapKey(entry.windowed.key)
    const entries = this.#byKey.get(mapKey)
    if (!entries) return
    if (entries.length === 1) this.#byKey.delete(mapKey)
    else entries.splice(entries.indexOf(entry), 1)
    entry.deleted = true
    this.#size--
  }
}

function isSameWindow(a: Windowed<unknown>, b: Windowed<unknown>): boolean {
  return a.startMs === b.startMs && a.endMs === b.endMs
}

/**
 * A session store for a processor. Source: Kafka Streams `Stores.sessionStoreBuilder`.
 *
 * @example
 * ```ts
 * const visits = sessionStore({ name: 'visits', key: serdes.string, value: serdes.long, retentionMs: 3_600_000 })
 * ```
 */
export function sessionStore<K, V>(options: SessionStoreOptions<K, V>): StoreSpec<SessionStore<K, V>> {
  return {
    name: options.name,
    kind: 'session',
    retentionMs: options.retentionMs,
    logged: true,
    key: options.key,
    written: { key: options.key.name, value: options.value.name },
    create: (bind) => new SessionStore(options, bind),
  }
}
