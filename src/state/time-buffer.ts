import type { Headers } from '../records/chunk.ts'
import { type BindSerde, unbound } from '../serdes/bound-serde.ts'
import { headerParts, headersOf } from '../serdes/header-parts.ts'
import { int64, joinParts, readInt64, splitParts } from '../serdes/parts.ts'
import type { Serde } from '../serdes/serde.ts'
import { compareBytes } from './compare-bytes.ts'
import { firstNotBefore } from './first-not-before.ts'
import type { ChangelogAppender, StateStore, StoreSpec } from './store.ts'

/** A record that waits. */
export interface Buffered<K, V> {
  /** The record's. */
  readonly key: K
  /** The record's. */
  readonly value: V
  /** Event time, ms since the epoch: when it is due. */
  readonly timestampMs: number
  /** Undefined: it has none. */
  readonly headers: Headers | undefined
}

/** Where a record stands in the order. */
interface Place {
  readonly timestampMs: number
  readonly keyBytes: Buffer
  /** Tells records of one key and time apart, in order of arrival. */
  readonly sequence: number
}

interface Entry<K, V> extends Buffered<K, V>, Place {}

/** How a buffer is named and written. */
export interface TimeBufferOptions<K, V> {
  /** Of the store: unique in the topology. */
  readonly name: string
  /** How keys are written. */
  readonly key: Serde<K>
  /** How values are written. */
  readonly value: Serde<V>
}

/** The changelog's key for the newest time seen: shorter than any other. */
const observedMark = Buffer.alloc(0)

/**
 * Records that wait for their time, in order of timestamp, then of serialized key, then of arrival. Source: Kafka
 * Streams' `TimeOrderedKeyValueBuffer`.
 */
export class TimeBuffer<K, V> implements StateStore {
  readonly name: string
  readonly #key: Serde<K>
  readonly #value: Serde<V>
  #entries: Entry<K, V>[] = []
  readonly #added = new Set<Entry<K, V>>()
  #taken: Entry<K, V>[] = []
  #sequence = 0
  #observedMs = Number.NEGATIVE_INFINITY
  #observedDirty = false

  constructor({ name, key, value }: TimeBufferOptions<K, V>, bind: BindSerde = unbound) {
    this.name = name
    this.#key = bind(key, 'key')
    this.#value = bind(value, 'value')
  }

  get size(): number {
    return this.#entries.length
  }

  /** Largest timestamp ever put; −Infinity before. */
  get observedMs(): number {
    return this.#observedMs
  }

  /** Takes a record in; it moves the buffer's time. */
  put(key: K, value: V, timestampMs: number, headers?: Headers): void {
    if (timestampMs > this.#observedMs) {
      this.#observedMs = timestampMs
      this.#observedDirty = true
    }
    const entry = {
      key,
      value,
      timestampMs,
      headers,
      keyBytes: this.#key.serialize(key),
      sequence: this.#sequence++,
    }
    this.#entries.splice(firstNotBefore(this.#entries, entry, isBefore), 0, entry)
    this.#added.add(entry)
  }

  /** Takes out what has a timestamp of at most `ms`, in order. */
  takeUntil(ms: number): readonly Buffered<K, V>[] {
    let count = 0
    while (count < this.#entries.length && (this.#entries[count] as Entry<K, V>).timestampMs <= ms) count++
    const taken = this.#entries.splice(0, count)
    for (const entry of taken) if (!this.#added.delete(entry)) this.#taken.push(entry)
    return taken
  }

  drainChanges(append: ChangelogAppender): void {
    for (const entry of this.#taken) append(changelogKey(entry), null, entry.timestampMs)
    for (const entry of this.#added) {
      const value = joinParts(this.#value.serialize(entry.value), ...headerParts(entry.headers))
      append(changelogKey(entry), value, entry.timestampMs)
    }
    if (this.#observedDirty) append(observedMark, int64(this.#observedMs), this.#observedMs)
    this.#taken = []
    this.#added.clear()
    this.#observedDirty = false
  }

  restore(bytes: Buffer, value: Buffer | null): void {
    if (bytes.length === 0) {
      if (value) this.#observedMs = readInt64(value)
      return
    }
    const [time, keyBytes, sequenceBytes] = splitParts(bytes) as [Buffer, Buffer, Buffer]
    const sequence = readInt64(sequenceBytes)
    this.#sequence = Math.max(this.#sequence, sequence + 1)
    const place = { timestampMs: readInt64(time), keyBytes, sequence }
    const i = firstNotBefore(this.#entries, place, isBefore)
    const present = this.#entries[i]
    if (present && compare(present, place) === 0) this.#entries.splice(i, 1)
    if (value === null) return
    const key = this.#key.deserialize(keyBytes)
    const [valueBytes, ...headers] = splitParts(value) as [Buffer, ...Buffer[]]
    const record = { key, value: this.#value.deserialize(valueBytes), headers: headersOf(headers) }
    this.#entries.splice(i, 0, { ...record, ...place })
  }
}

function changelogKey({ timestampMs, keyBytes, sequence }: Place): Buffer {
  return joinParts(int64(timestampMs), keyBytes, int64(sequence))
}

function isBefore(a: Place, b: Place): boolean {
  return compare(a, b) < 0
}

function compare(a: Place, b: Place): number {
  return a.timestampMs - b.timestampMs || compareBytes(a.keyBytes, b.keyBytes) || a.sequence - b.sequence
}

/** The buffer of a `streamTableJoin` with a grace. */
export function timeBuffer<K, V>(options: TimeBufferOptions<K, V>): StoreSpec<TimeBuffer<K, V>> {
  return {
    name: options.name,
    kind: 'buffer',
    logged: true,
    written: { key: options.key.name, value: options.value.name },
    create: (bind) => new TimeBuffer(options, bind),
  }
}
