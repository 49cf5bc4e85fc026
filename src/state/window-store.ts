import { checked } from '../checked.ts'
import { RivuletError } from '../errors.ts'
import { type BindSerde, unbound } from '../serdes/bound-serde.ts'
import { readInt64At, writeInt64 } from '../serdes/int64.ts'
import type { Serde } from '../serdes/serde.ts'
import type { Windowed } from '../windows/windows.ts'
import { compareBytes } from './compare-bytes.ts'
import { DirtyList } from './dirty-list.ts'
import { RetentionClock } from './retention-clock.ts'
import { Segments } from './segments.ts'
import { type ChangelogAppender, type MapKey, mapKeyOf, type StateStore, type StoreSpec } from './store.ts'

/** One window of one key, as it stands now: value and time change with the next update. */
export interface WindowEntry<K, V> {
  /** Its key, start and end. */
  readonly windowed: Windowed<K>
  /** The aggregate. */
  readonly value: V
  /** Largest event time of the records in it. */
  readonly timestampMs: number
}

/** What may be asked of a window store from outside a task. */
export interface ReadOnlyWindowStore<K, V> {
  /** The key's windows that start in `[fromMs, toMs]`, earliest first. */
  fetch(key: K, fromMs: number, toMs: number): readonly WindowEntry<K, V>[]
  /** All windows that have not been forgotten, by key, each key's earliest first. */
  all(): Iterable<WindowEntry<K, V>>
}

interface Entry<K, V> {
  /** As in `windowed`: one step nearer. */
  readonly startMs: number
  readonly windowed: Windowed<K>
  value: V
  timestampMs: number
  dirty: boolean
  deleted: boolean
  /** The key's windows before and behind it. */
  older: Entry<K, V> | undefined
  newer: Entry<K, V> | undefined
}

/** Windows that are not simply aligned to the epoch. */
export interface StoredWindows {
  /** In words: another name is another kind of windows, to the topology diff. */
  readonly name: string
  /** Throws where no window starts there. */
  readonly endOf: (startMs: number) => number
}

/** How a store is named and written, and how long it remembers. */
export interface WindowStoreOptions<K, V> {
  /** Of the store: unique in the topology. */
  readonly name: string
  /** How keys are written. Keys are equal if their bytes, or primitives, are. */
  readonly key: Serde<K>
  /** How values are written. */
  readonly value: Serde<V>
  /** `endMs = startMs + sizeMs` for every window in it, unless `windows` says otherwise: then none is longer. */
  readonly sizeMs: number
  /** What the windows are where they are not simply aligned to the epoch. */
  readonly windows?: StoredWindows
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
  readonly #endOf: (startMs: number) => number
  readonly #clock: RetentionClock
  /** Each key's newest window, from which the older ones are reached: nearly always it is the one asked for. */
  readonly #newest = new Map<MapKey, Entry<K, V>>()
  /** The same entries by start. */
  readonly #segments: Segments<Entry<K, V>>
  /** What `find` found: nearly always it is what the next `put` is for. */
  #found: Entry<K, V> | undefined
  #size = 0
  readonly #dirty = new DirtyList<Entry<K, V>>()
  /** By what windows are final; undefined: all that is found may still change. */
  #finalTime: { readonly ms: number } | undefined
  /** Largest time of a change in the changelog. */
  #newestRestoredMs = Number.NEGATIVE_INFINITY
  /** Deletions of what was not there, that have moved the store's time. */
  #moved: { readonly key: K; readonly startMs: number; readonly timestampMs: number }[] = []

  constructor(
    { name, key, value, sizeMs, retentionMs, windows }: WindowStoreOptions<K, V>,
    bind: BindSerde = unbound,
  ) {
    this.name = name
    this.#key = bind(key, 'key')
    this.#value = bind(value, 'value')
    this.#mapKey = mapKeyOf(this.#key)
    this.#endOf = windows?.endOf ?? ((startMs) => startMs + sizeMs)
    this.#clock = new RetentionClock(retentionMs)
    this.#segments = new Segments(Math.min(sizeMs, retentionMs / 2))
  }

  get size(): number {
    return this.#size
  }

  /** What will be forgotten, at or before the answer, once a window with that start is put. */
  forgottenBy(startMs: number): number {
    return this.#clock.horizonAfter(startMs)
  }

  /**
   * From now on a window is final once `time` is later than its start by the retention: nothing that is still to come
   * depends on it. The changelog need not hear what has become of it, so a restart forgets it.
   */
  finalBy(time: { readonly ms: number }): void {
    this.#finalTime = time
  }

  /** The window of the key that starts at `startMs`, unless it is forgotten. */
  find(key: K, startMs: number): WindowEntry<K, V> | undefined {
    if (startMs <= this.#clock.horizonMs) return undefined
    const entry = lastAtOrBefore(this.#newest.get(this.#mapKey(key)), startMs)
    if (entry?.startMs !== startMs) return undefined
    this.#found = entry
    return entry
  }

  /** Stores the window; one that would be forgotten at once is not kept. Answers what it is known by from now on. */
  put(key: K, startMs: number, value: V, timestampMs: number): Windowed<K> {
    const found = this.#found
    if (found && found.startMs === startMs && found.windowed.key === key && !found.deleted) {
      return this.#replace(found, value, timestampMs)
    }
    this.#advance(startMs)
    const mapKey = this.#mapKey(key)
    const newest = this.#newest.get(mapKey)
    const older = lastAtOrBefore(newest, startMs)
    if (older?.startMs === startMs) return this.#replace(older, value, timestampMs)
    const windowed = { key, startMs, endMs: this.#endOf(startMs) }
    if (startMs <= this.#clock.horizonMs) return windowed
    // Nothing older: then all are newer, and the last of them is the oldest.
    const newer = older ? older.newer : newest && oldestOf(newest)
    const entry: Entry<K, V> = {
      startMs,
      windowed,
      value,
      timestampMs,
      dirty: false,
      deleted: false,
      older,
      newer,
    }
    if (older) older.newer = entry
    if (newer) newer.older = entry
    else this.#newest.set(mapKey, entry)
    this.#segments.add(startMs, entry)
    this.#size++
    this.#dirty.mark(entry)
    return windowed
  }

  /** Removes the window of the key that starts at `startMs`, if there is one; like `put`, it moves the store's time. */
  delete(key: K, startMs: number, timestampMs: number): void {
    const moves = this.#advance(startMs)
    const entry = lastAtOrBefore(this.#newest.get(this.#mapKey(key)), startMs)
    if (entry?.startMs !== startMs) {
      // Nothing is deleted, but what it has made forgotten must stay so after a restart.
      if (moves) this.#moved.push({ key, startMs, timestampMs })
      return
    }
    this.#drop(entry)
    entry.timestampMs = timestampMs
    this.#dirty.mark(entry)
  }

  fetch(key: K, fromMs: number, toMs: number): readonly WindowEntry<K, V>[] {
    const from = Math.max(fromMs, this.#clock.horizonMs + 1)
    const found: Entry<K, V>[] = []
    let entry = lastAtOrBefore(this.#newest.get(this.#mapKey(key)), toMs)
    for (; entry && entry.startMs >= from; entry = entry.older) found.push(entry)
    return found.reverse()
  }

  /** The windows of all keys that start in `[fromMs, toMs]`, in order of start, then of the serialized key. */
  startingIn(fromMs: number, toMs: number): readonly WindowEntry<K, V>[] {
    const from = Math.max(fromMs, this.#clock.horizonMs + 1)
    const found: { readonly entry: Entry<K, V>; readonly bytes: Buffer }[] = []
    for (const entry of this.#segments.near(from, toMs)) {
      const { key, startMs } = entry.windowed
      if (startMs >= from && startMs <= toMs) found.push({ entry, bytes: this.#key.serialize(key) })
    }
    found.sort((a, b) => a.entry.startMs - b.entry.startMs || compareBytes(a.bytes, b.bytes))
    return found.map(({ entry }) => entry)
  }

  *all(): Iterable<WindowEntry<K, V>> {
    for (const newest of this.#newest.values()) {
      for (let entry: Entry<K, V> | undefined = oldestOf(newest); entry; entry = entry.newer) {
        if (entry.startMs > this.#clock.horizonMs) yield entry
      }
    }
  }

  drainChanges(append: ChangelogAppender): void {
    for (const { key, startMs, timestampMs } of this.#moved)
      append(windowKeyBytes(this.#key.serialize(key), startMs), null, timestampMs)
    this.#moved = []
    // What starts there or before is forgotten, or final.
    const finalMs = this.#clock.horizonAfter(this.#finalTime?.ms ?? Number.NEGATIVE_INFINITY)
    for (const entry of this.#dirty.take()) {
      const { startMs } = entry
      // Neither its last value, which nobody would ask for, nor a tombstone: the changelog has a retention of its own.
      if (startMs <= finalMs) continue
      append(
        windowKeyBytes(this.#key.serialize(entry.windowed.key), startMs),
        entry.deleted ? null : this.#value.serialize(entry.value),
        entry.timestampMs,
      )
    }
  }

  restore(bytes: Buffer, value: Buffer | null, timestampMs: number): void {
    const key = this.#key.deserialize(bytes.subarray(0, -8))
    const startMs = readInt64At(bytes, bytes.length - 8)
    if (value === null) this.delete(key, startMs, timestampMs)
    else this.put(key, startMs, this.#value.deserialize(value), timestampMs)
    if (timestampMs > this.#newestRestoredMs) this.#newestRestoredMs = timestampMs
    // What comes from the changelog is known there.
    this.#dirty.take()
    this.#moved = []
  }

  restored(): void {
    if (!this.#finalTime) return
    // Of what was final, the changelog may have something older. Where the time was lost, the changes tell it.
    const { ms } = this.#finalTime
    const finalMs = this.#clock.horizonAfter(ms > Number.NEGATIVE_INFINITY ? ms : this.#newestRestoredMs)
    for (const entry of [...this.#segments.near(Number.NEGATIVE_INFINITY, finalMs)])
      if (entry.startMs <= finalMs) this.#drop(entry)
  }

  #replace(entry: Entry<K, V>, value: V, timestampMs: number): Windowed<K> {
    entry.value = value
    entry.timestampMs = timestampMs
    this.#dirty.mark(entry)
    return entry.windowed
  }

  /** Forgets what the time makes too old; answers whether it is later than all before. */
  #advance(timeMs: number): boolean {
    if (!this.#clock.observe(timeMs)) return false
    for (const entry of this.#segments.takeUntil(this.#clock.horizonMs)) this.#remove(entry)
    return true
  }

  #drop(entry: Entry<K, V>): void {
    this.#remove(entry)
    this.#segments.deleted(entry.startMs)
  }

  #remove(entry: Entry<K, V>): void {
    const { older, newer } = entry
    if (older) older.newer = newer
    if (newer) newer.older = older
    else if (older) this.#newest.set(this.#mapKey(entry.windowed.key), older)
    else this.#newest.delete(this.#mapKey(entry.windowed.key))
    entry.deleted = true
    this.#size--
  }
}

/** The last window that starts at or before `startMs`. */
function lastAtOrBefore<K, V>(newest: Entry<K, V> | undefined, startMs: number): Entry<K, V> | undefined {
  let entry = newest
  while (entry && entry.startMs > startMs) entry = entry.older
  return entry
}

function oldestOf<K, V>(newest: Entry<K, V>): Entry<K, V> {
  let entry = newest
  while (entry.older) entry = entry.older
  return entry
}

function windowKeyBytes(key: Buffer, startMs: number): Buffer {
  const bytes = Buffer.allocUnsafe(key.length + 8)
  key.copy(bytes)
  writeInt64(bytes, startMs, key.length)
  return bytes
}

/**
 * A window store for a processor. Throws `BAD_TOPOLOGY` for a retention in which a window would not last to its end.
 * Source: Kafka Streams `Stores.windowStoreBuilder`.
 *
 * @example
 * ```ts
 * const minutes = windowStore({
 *   name: 'minutes',
 *   key: serdes.string,
 *   value: serdes.long,
 *   sizeMs: 60_000,
 *   retentionMs: 3_600_000,
 * })
 * ```
 */
export function windowStore<K, V>(options: WindowStoreOptions<K, V>): StoreSpec<WindowStore<K, V>> {
  const { name, sizeMs, retentionMs } = options
  checked({ sizeMs, retentionMs }, 0, 'BAD_TOPOLOGY', { step: name })
  if (retentionMs < sizeMs) {
    const message = `the store "${name}" would forget a window of ${sizeMs} ms after ${retentionMs} ms: retentionMs must be at least sizeMs`
    throw new RivuletError('BAD_TOPOLOGY', message, { place: { step: name, parameter: 'retentionMs' } })
  }
  return {
    name: options.name,
    kind: 'window',
    retentionMs: options.retentionMs,
    ...(options.windows && { windows: options.windows.name }),
    logged: true,
    key: options.key,
    written: { key: options.key.name, value: options.value.name },
    create: (bind) => new WindowStore(options, bind),
  }
}
