import type { Serde } from '../serdes/serde.ts'
import type { Windowed } from '../windows/windows.ts'
import { Segments } from './segments.ts'
import { type ChangelogAppender, type MapKey, mapKeyOf, type StateStore, type StoreSpec } from './store.ts'

/** One window of one key, as it stands now: value and time change with the next update. */
export interface WindowEntry<K, V> {
  readonly windowed: Windowed<K>
  readonly value: V
  /** Largest event time of the records in it. */
  readonly timestampMs: number
}

export interface ReadOnlyWindowStore<K, V> {
  /** The key's windows that start in `[fromMs, toMs]`, earliest first. */
  fetch(key: K, fromMs: number, toMs: number): readonly WindowEntry<K, V>[]
  /** All windows that have not been forgotten, by key, each key's earliest first. */
  all(): Iterable<WindowEntry<K, V>>
}

interface Entry<K, V> {
  readonly windowed: Windowed<K>
  value: V
  timestampMs: number
  dirty: boolean
  deleted: boolean
}

export interface WindowStoreOptions<K, V> {
  readonly name: string
  readonly key: Serde<K>
  readonly value: Serde<V>
  /** `endMs = startMs + sizeMs` for every window in it. */
  readonly sizeMs: number
  /** A window is found while its start > (largest start ever put) − retentionMs. */
  readonly retentionMs: number
}

/**
 * Values by key and window. It forgets: entries at or before (largest start ever put) − retention are not found, and
 * their memory is freed segment by segment. Source: Kafka Streams' `TimestampedWindowStore`.
 */
export class WindowStore<K, V> implements StateStore, ReadOnlyWindowStore<K, V> {
  readonly name: string
  readonly #key: Serde<K>
  readonly #value: Serde<V>
  readonly #mapKey: (key: K) => MapKey
  readonly #sizeMs: number
  readonly #retentionMs: number
  /** Each key's windows in order of start: few at a time, and nearly always asked for at the end. */
  readonly #byKey = new Map<MapKey, Entry<K, V>[]>()
  /** The same entries by start. */
  readonly #segments: Segments<Entry<K, V>>
  #observedMs = Number.NEGATIVE_INFINITY
  #size = 0
  #dirty: Entry<K, V>[] = []

  constructor({ name, key, value, sizeMs, retentionMs }: WindowStoreOptions<K, V>) {
    this.name = name
    this.#key = key
    this.#value = value
    this.#mapKey = mapKeyOf(key)
    this.#sizeMs = sizeMs
    this.#retentionMs = retentionMs
    this.#segments = new Segments(Math.min(sizeMs, retentionMs / 2))
  }

  get size(): number {
    return this.#size
  }

  /** What will be forgotten, at or before the answer, once a window with that start is put. */
  forgottenBy(startMs: number): number {
    return Math.max(this.#observedMs, startMs) - this.#retentionMs
  }

  /** Starts at or before this are forgotten. */
  get #forgottenMs(): number {
    return this.#observedMs - this.#retentionMs
  }

  /** The window of the key that starts at `startMs`, unless it is forgotten. */
  find(key: K, startMs: number): WindowEntry<K, V> | undefined {
    if (startMs <= this.#forgottenMs) return undefined
    const entries = this.#byKey.get(this.#mapKey(key))
    if (!entries) return undefined
    const i = lastAtOrBefore(entries, startMs)
    const entry = entries[i]
    return entry?.windowed.startMs === startMs ? entry : undefined
  }

  /** Stores the window; one that would be forgotten at once is not kept. Answers what it is known by from now on. */
  put(key: K, startMs: number, value: V, timestampMs: number): Windowed<K> {
    if (startMs > this.#observedMs) this.#advance(startMs)
    const mapKey = this.#mapKey(key)
    let entries = this.#byKey.get(mapKey)
    const i = entries ? lastAtOrBefore(entries, startMs) : -1
    const present = entries?.[i]
    if (present?.windowed.startMs === startMs) {
      present.value = value
      present.timestampMs = timestampMs
      this.#mark(present)
      return present.windowed
    }
    const windowed = { key, startMs, endMs: startMs + this.#sizeMs }
    if (startMs <= this.#forgottenMs) return windowed
    if (!entries) {
      entries = []
      this.#byKey.set(mapKey, entries)
    }
    const entry = { windowed, value, timestampMs, dirty: false, deleted: false }
    if (i === entries.length - 1) entries.push(entry)
    else entries.splice(i + 1, 0, entry)
    this.#segments.add(startMs, entry)
    this.#size++
    this.#mark(entry)
    return windowed
  }

  delete(key: K, startMs: number, timestampMs: number): void {
    if (startMs > this.#observedMs) this.#advance(startMs)
    const mapKey = this.#mapKey(key)
    const entries = this.#byKey.get(mapKey)
    if (!entries) return
    const i = lastAtOrBefore(entries, startMs)
    const entry = entries[i]
    if (entry?.windowed.startMs !== startMs) return
    this.#remove(mapKey, entries, i)
    this.#segments.deleted(startMs)
    entry.timestampMs = timestampMs
    this.#mark(entry)
  }

  fetch(key: K, fromMs: number, toMs: number): readonly WindowEntry<K, V>[] {
    const entries = this.#byKey.get(this.#mapKey(key))
    if (!entries) return []
    const from = lastAtOrBefore(entries, Math.max(fromMs - 1, this.#forgottenMs)) + 1
    return entries.slice(from, lastAtOrBefore(entries, toMs) + 1)
  }

  /** The windows of all keys that start in `[fromMs, toMs]`, in order of start, then of the serialized key. */
  startingIn(fromMs: number, toMs: number): readonly WindowEntry<K, V>[] {
    const from = Math.max(fromMs, this.#forgottenMs + 1)
    const found: { readonly entry: Entry<K, V>; readonly bytes: Buffer }[] = []
    for (const entry of this.#segments.near(from, toMs)) {
      const { key, startMs } = entry.windowed
      if (startMs >= from && startMs <= toMs) found.push({ entry, bytes: this.#key.serialize(key) })
    }
    found.sort(
      (a, b) => a.entry.windowed.startMs - b.entry.windowed.startMs || Buffer.compare(a.bytes, b.bytes),
    )
    return found.map(({ entry }) => entry)
  }

  *all(): Iterable<WindowEntry<K, V>> {
    for (const entries of this.#byKey.values()) {
      for (const entry of entries) if (entry.windowed.startMs > this.#forgottenMs) yield entry
    }
  }

  drainChanges(append: ChangelogAppender): void {
    const changed = this.#dirty
    this.#dirty = []
    for (const entry of changed) {
      entry.dirty = false
      const { key, startMs } = entry.windowed
      append(
        windowKeyBytes(this.#key.serialize(key), startMs),
        entry.deleted ? null : this.#value.serialize(entry.value),
        entry.timestampMs,
      )
    }
  }

  restore(bytes: Buffer, value: Buffer | null, timestampMs: number): void {
    const key = this.#key.deserialize(bytes.subarray(0, -8))
    const startMs = Number(bytes.readBigInt64BE(bytes.length - 8))
    if (value === null) this.delete(key, startMs, timestampMs)
    else this.put(key, startMs, this.#value.deserialize(value), timestampMs)
    // What comes from the changelog is known there.
    for (const entry of this.#dirty) entry.dirty = false
    this.#dirty = []
  }

  #advance(observedMs: number): void {
    this.#observedMs = observedMs
    for (const entry of this.#segments.takeUntil(this.#forgottenMs)) {
      const mapKey = this.#mapKey(entry.windowed.key)
      const entries = this.#byKey.get(mapKey)
      // The changelog forgets by its own retention: a tombstone would only cost.
      if (entries) this.#remove(mapKey, entries, entries.indexOf(entry))
    }
  }

  #remove(mapKey: MapKey, entries: Entry<K, V>[], i: number): void {
    const entry = entries[i]
    if (!entry) return
    if (entries.length === 1) this.#byKey.delete(mapKey)
    else entries.splice(i, 1)
    entry.deleted = true
    this.#size--
  }

  #mark(entry: Entry<K, V>): void {
    if (entry.dirty) return
    entry.dirty = true
    this.#dirty.push(entry)
  }
}

/** Index of the last entry that starts at or before `startMs`, −1 if there is none. Looks from the end. */
function lastAtOrBefore<K, V>(entries: readonly Entry<K, V>[], startMs: number): number {
  let i = entries.length - 1
  // Most look-ups are for the newest windows; beyond a few steps, by halves.
  for (let steps = 0; i >= 0 && steps < 8; steps++, i--) {
    if ((entries[i] as Entry<K, V>).windowed.startMs <= startMs) return i
  }
  let low = -1
  while (low < i) {
    const middle = (low + i + 1) >> 1
    if ((entries[middle] as Entry<K, V>).windowed.startMs <= startMs) low = middle
    else i = middle - 1
  }
  return low
}

function windowKeyBytes(key: Buffer, startMs: number): Buffer {
  const bytes = Buffer.allocUnsafe(key.length + 8)
  key.copy(bytes)
  bytes.writeBigInt64BE(BigInt(startMs), key.length)
  return bytes
}

export function windowStore<K, V>(options: WindowStoreOptions<K, V>): StoreSpec<WindowStore<K, V>> {
  return {
    name: options.name,
    kind: 'window',
    retentionMs: options.retentionMs,
    logged: true,
    create: () => new WindowStore(options),
  }
}
