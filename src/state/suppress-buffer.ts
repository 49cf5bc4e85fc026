import type { Headers } from '../records/chunk.ts'
import { type BindSerde, unbound } from '../serdes/bound-serde.ts'
import { headerParts, headersOf } from '../serdes/header-parts.ts'
import { int64, joinParts, readInt64, splitParts } from '../serdes/parts.ts'
import type { Serde } from '../serdes/serde.ts'
import { DirtyList } from './dirty-list.ts'
import { Heap } from './heap.ts'
import type { ChangelogAppender, StateStore, StoreSpec } from './store.ts'

/** The newest update of a key, while it is held back. */
export interface BufferedUpdate<K, V> {
  /** The row's. */
  readonly key: K
  /** The row's newest; null: it is deleted. */
  readonly value: V | null
  /** What the newest update has replaced; null: no row. */
  readonly oldValue: V | null
  /** Event time of the newest update, ms since the epoch. */
  readonly timestampMs: number
  /** Of the newest update; undefined: it has none. */
  readonly headers: Headers | undefined
}

interface Entry<K, V> extends BufferedUpdate<K, V> {
  /** What the key was first held for: later updates take its place in the queue. */
  readonly timeMs: number
  /** What was there before the first of them: what those behind the buffer still know. */
  priorValue: V | null
  /** The serialized key, a character a byte: it finds the key, and orders what waits for the same time. */
  readonly keyText: string
  value: V | null
  oldValue: V | null
  timestampMs: number
  headers: Headers | undefined
  bytes: number
  dirty: boolean
  gone: boolean
}

/** How a buffer is named and written. */
export interface SuppressBufferOptions<K, V> {
  /** Of the store: unique in the topology. */
  readonly name: string
  /** How keys are written. */
  readonly key: Serde<K>
  /** How values are written. */
  readonly value: Serde<V>
  /** Whether to know how many bytes it holds: for that each update is serialized as it comes. */
  readonly measured: boolean
}

/**
 * Updates of a table that are held back, one for each key, in order of time, then of the serialized key. A later update
 * of a key takes the place of the one before. Source: Kafka Streams' `InMemoryTimeOrderedKeyValueChangeBuffer`.
 */
export class SuppressBuffer<K, V> implements StateStore {
  readonly name: string
  readonly #key: Serde<K>
  readonly #value: Serde<V>
  readonly #measured: boolean
  readonly #byText = new Map<string, Entry<K, V>>()
  /** The same by the key itself: a window of a store is one object as long as it lives, and its text costs more. */
  readonly #byKey = new Map<K, Entry<K, V>>()
  readonly #queue = new Heap<Entry<K, V>>(isBefore)
  #bytes = 0
  readonly #dirty = new DirtyList<Entry<K, V>>()

  constructor({ name, key, value, measured }: SuppressBufferOptions<K, V>, bind: BindSerde = unbound) {
    this.name = name
    this.#key = bind(key, 'key')
    this.#value = bind(value, 'value')
    this.#measured = measured
  }

  get size(): number {
    return this.#byText.size
  }

  /** Serialized keys, values and old values; 0 unless `measured`. */
  get bytes(): number {
    return this.#bytes
  }

  /** The smallest time in it; Infinity when it is empty. */
  get firstMs(): number {
    return this.#first?.timeMs ?? Number.POSITIVE_INFINITY
  }

  /** The value that those behind the buffer know of the key; undefined: none is held back, so they know the newest. */
  prior(key: K): { readonly value: V | null } | undefined {
    const entry = this.#byKey.get(key) ?? this.#byText.get(this.#textOf(key))
    return entry && { value: entry.priorValue }
  }

  /**
   * Holds an update back until `timeMs`; one of a key that is held takes the place of the one before, whose `timeMs`
   * stays. (Not an object for each update: most of them do.)
   */
  put(
    timeMs: number,
    key: K,
    value: V | null,
    oldValue: V | null,
    timestampMs: number,
    headers?: Headers,
    priorValue: V | null = oldValue,
  ): void {
    let entry = this.#byKey.get(key) ?? this.#byText.get(this.#textOf(key))
    if (entry) {
      entry.value = value
      entry.oldValue = oldValue
      entry.timestampMs = timestampMs
      entry.headers = headers
    } else {
      const keyText = this.#textOf(key)
      const held = { key, value, oldValue, timestampMs, headers, timeMs, priorValue, keyText }
      entry = { ...held, bytes: 0, dirty: false, gone: false }
      this.#byText.set(keyText, entry)
      this.#byKey.set(key, entry)
      this.#queue.add(entry)
    }
    if (this.#measured) {
      this.#bytes -= entry.bytes
      entry.bytes = entry.keyText.length + this.#length(entry.value) + this.#length(entry.oldValue)
      this.#bytes += entry.bytes
    }
    this.#dirty.mark(entry)
  }

  /** Takes out the update with the smallest time; undefined when it is empty. */
  takeFirst(): BufferedUpdate<K, V> | undefined {
    const entry = this.#first
    if (!entry) return undefined
    this.#queue.takeFirst()
    this.#remove(entry)
    this.#dirty.mark(entry)
    return entry
  }

  drainChanges(append: ChangelogAppender): void {
    for (const entry of this.#dirty.take()) {
      append(Buffer.from(entry.keyText, 'latin1'), entry.gone ? null : this.#encode(entry), entry.timestampMs)
    }
  }

  restore(keyBytes: Buffer, bytes: Buffer | null, timestampMs: number): void {
    const present = this.#byText.get(keyBytes.toString('latin1'))
    const [time, prior, old, value, ...headers] = bytes ? splitParts(bytes) : []
    // Who follows a changelog hears of a key again and again: it keeps its place in the queue.
    const kept = time && present?.timeMs === readInt64(time) ? present : undefined
    if (present && !kept) this.#remove(present)
    if (time) {
      const key = kept?.key ?? this.#key.deserialize(keyBytes)
      const priorValue = this.#decode(prior)
      const [oldValue, newValue] = [this.#decode(old), this.#decode(value)]
      this.put(readInt64(time), key, newValue, oldValue, timestampMs, headersOf(headers), priorValue)
      if (kept) kept.priorValue = priorValue
    }
    this.#dropGone()
    // What comes from the changelog is known there.
    this.#dirty.take()
  }

  /** What left by a changelog's tombstone is still in the queue. */
  get #first(): Entry<K, V> | undefined {
    this.#dropGone()
    return this.#queue.first
  }

  #dropGone(): void {
    while (this.#queue.first?.gone) this.#queue.takeFirst()
  }

  #remove(entry: Entry<K, V>): void {
    this.#byText.delete(entry.keyText)
    this.#byKey.delete(entry.key)
    this.#bytes -= entry.bytes
    entry.gone = true
  }

  #textOf(key: K): string {
    return this.#key.serialize(key).toString('latin1')
  }

  #length(value: V | null): number {
    return value === null ? 0 : this.#value.serialize(value).length
  }

  #encode({ timeMs, priorValue, oldValue, value, headers }: Entry<K, V>): Buffer {
    const values = [priorValue, oldValue, value].map((held) => this.#encodeValue(held))
    return joinParts(int64(timeMs), ...values, ...headerParts(headers))
  }

  /** Nothing is null; a value has a byte before it. */
  #encodeValue(value: V | null): Buffer {
    return value === null ? Buffer.alloc(0) : Buffer.concat([Buffer.of(1), this.#value.serialize(value)])
  }

  #decode(bytes: Buffer | undefined): V | null {
    return bytes === undefined || bytes.length === 0 ? null : this.#value.deserialize(bytes.subarray(1))
  }
}

function isBefore(a: Entry<unknown, unknown>, b: Entry<unknown, unknown>): boolean {
  return a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.keyText < b.keyText)
}

/** The store of `suppress`. */
export function suppressBuffer<K, V>(options: SuppressBufferOptions<K, V>): StoreSpec<SuppressBuffer<K, V>> {
  return {
    name: options.name,
    kind: 'buffer',
    logged: true,
    written: { key: options.key.name, value: options.value.name },
    create: (bind) => new SuppressBuffer(options, bind),
  }
}
