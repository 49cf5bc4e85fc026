import { type BindSerde, unbound } from '../serdes/bound-serde.ts'
import { int64, joinParts, readInt64, splitParts } from '../serdes/parts.ts'
import type { Serde } from '../serdes/serde.ts'
import { compareBytes } from './compare-bytes.ts'
import { DirtyList } from './dirty-list.ts'
import { firstNotBefore } from './first-not-before.ts'
import { type ChangelogAppender, type MapKey, mapKeyOf, type StateStore, type StoreSpec } from './store.ts'

/** Which stream of a join a record comes from. */
export type JoinSide = 'left' | 'right'

/** Records of one side, key and time that have found no match yet; in order of arrival. */
export interface Unmatched<K, V> {
  /** The records'. */
  readonly key: K
  /** Where they come from. */
  readonly side: JoinSide
  /** Event time, ms since the epoch. */
  readonly timestampMs: number
  /** The records', in order of arrival. */
  readonly values: readonly V[]
}

interface Entry<K, V> extends Unmatched<K, V> {
  readonly keyBytes: Buffer
  readonly values: V[]
  gone: boolean
  dirty: boolean
}

/** How what waits for a match is named and written. */
export interface UnmatchedStoreOptions<K, L, R> {
  /** Of the store: unique in the topology. */
  readonly name: string
  /** How keys are written. */
  readonly key: Serde<K>
  /** How left values are written. */
  readonly left: Serde<L>
  /** How right values are written. */
  readonly right: Serde<R>
}

/** The changelog's key for the time of the last look: shorter than any other. */
const lookedAtMark = Buffer.alloc(0)

/**
 * What left and outer joins hold until it is certain that no match comes: in order of time, right before left, then of
 * the serialized key. Source: Kafka Streams' outer-join store.
 */
export class UnmatchedStore<K, L, R> implements StateStore {
  readonly name: string
  readonly #key: Serde<K>
  readonly #values: Readonly<Record<JoinSide, Serde<L | R>>>
  readonly #mapKey: (key: K) => MapKey
  readonly #index: Readonly<Record<JoinSide, Map<number, Map<MapKey, Entry<K, L | R>>>>> = {
    left: new Map(),
    right: new Map(),
  }
  /** In order; what is gone stays until there is more of it than of the rest. */
  #ordered: Entry<K, L | R>[] = []
  #gone = 0
  readonly #dirty = new DirtyList<Entry<K, L | R>>()
  #lookedAtMs = Number.POSITIVE_INFINITY
  #lookedAtDirty = false

  constructor({ name, key, left, right }: UnmatchedStoreOptions<K, L, R>, bind: BindSerde = unbound) {
    this.name = name
    this.#key = bind(key, 'key')
    this.#values = {
      left: bind(left as Serde<L | R>, 'value'),
      right: bind(right as Serde<L | R>, 'value'),
    }
    this.#mapKey = mapKeyOf(this.#key)
  }

  get size(): number {
    return this.#ordered.length - this.#gone
  }

  /**
   * Time of the record last looked at, or of one that began to wait since, if that is smaller: it decides when to look
   * again. Infinity: nothing waited. It is part of the state, so that a restart does not change what comes out when.
   */
  get lookedAtMs(): number {
    return this.#lookedAtMs
  }

  /** Written to the changelog with the next changes. */
  set lookedAtMs(ms: number) {
    if (this.#lookedAtMs === ms) return
    this.#lookedAtMs = ms
    this.#lookedAtDirty = true
  }

  /** A record of that side has found no match yet. */
  add(side: JoinSide, key: K, value: L | R, timestampMs: number): void {
    const known = this.#find(side, key, timestampMs)
    if (known) {
      known.values.push(value)
      this.#dirty.mark(known)
    } else this.#dirty.mark(this.#insert(side, key, this.#key.serialize(key), [value], timestampMs))
  }

  /** Takes away all records of that side, key and time. */
  remove(side: JoinSide, key: K, timestampMs: number): void {
    const byKey = this.#index[side].get(timestampMs)
    const mapKey = this.#mapKey(key)
    const entry = byKey?.get(mapKey)
    if (!byKey || !entry) return
    byKey.delete(mapKey)
    if (byKey.size === 0) this.#index[side].delete(timestampMs)
    entry.gone = true
    this.#gone++
    this.#dirty.mark(entry)
    if (this.#gone > 64 && this.#gone * 2 > this.#ordered.length) {
      this.#ordered = this.#ordered.filter(({ gone }) => !gone)
      this.#gone = 0
    }
  }

  /** All that wait, in order; what is removed meanwhile may be the one just seen. */
  *all(): Iterable<Unmatched<K, L | R>> {
    for (const entry of this.#ordered) if (!entry.gone) yield entry
  }

  drainChanges(append: ChangelogAppender): void {
    for (const entry of this.#dirty.take()) {
      const { side, keyBytes, timestampMs, values, gone } = entry
      const bytes = joinParts(int64(timestampMs), sideBytes[side], keyBytes)
      const serde = this.#values[side]
      append(bytes, gone ? null : joinParts(...values.map((value) => serde.serialize(value))), timestampMs)
    }
    if (!this.#lookedAtDirty) return
    this.#lookedAtDirty = false
    append(lookedAtMark, Number.isFinite(this.#lookedAtMs) ? int64(this.#lookedAtMs) : null, 0)
  }

  restore(bytes: Buffer, value: Buffer | null): void {
    if (bytes.length === 0) {
      this.#lookedAtMs = value === null ? Number.POSITIVE_INFINITY : readInt64(value)
      return
    }
    const [time, sideByte, keyBytes] = splitParts(bytes) as [Buffer, Buffer, Buffer]
    const side = sideByte[0] === sideBytes.left[0] ? 'left' : 'right'
    const key = this.#key.deserialize(keyBytes)
    const timestampMs = readInt64(time)
    this.remove(side, key, timestampMs)
    if (value !== null) {
      const values = splitParts(value).map((part) => this.#values[side].deserialize(part))
      this.#insert(side, key, keyBytes, values, timestampMs)
    }
    this.#dirty.take()
  }

  #find(side: JoinSide, key: K, timestampMs: number): Entry<K, L | R> | undefined {
    return this.#index[side].get(timestampMs)?.get(this.#mapKey(key))
  }

  #insert(side: JoinSide, key: K, keyBytes: Buffer, values: (L | R)[], timestampMs: number): Entry<K, L | R> {
    const entry = { key, side, keyBytes, timestampMs, values, gone: false, dirty: false }
    this.#ordered.splice(firstNotBefore(this.#ordered, entry, isBefore), 0, entry)
    const byKey = this.#index[side].get(timestampMs) ?? new Map<MapKey, Entry<K, L | R>>()
    byKey.set(this.#mapKey(key), entry)
    this.#index[side].set(timestampMs, byKey)
    return entry
  }
}

const sideBytes: Readonly<Record<JoinSide, Buffer>> = { right: Buffer.from([0]), left: Buffer.from([1]) }

function isBefore<K, V>(a: Entry<K, V>, b: Entry<K, V>): boolean {
  if (a.timestampMs !== b.timestampMs) return a.timestampMs < b.timestampMs
  if (a.side !== b.side) return a.side === 'right'
  return compareBytes(a.keyBytes, b.keyBytes) < 0
}

/** What a `streamJoin` with an outer side keeps beside its two stores. */
export function unmatchedStore<K, L, R>(
  options: UnmatchedStoreOptions<K, L, R>,
): StoreSpec<UnmatchedStore<K, L, R>> {
  return {
    name: options.name,
    kind: 'buffer',
    logged: true,
    written: { key: options.key.name, value: `${options.left.name} or ${options.right.name}` },
    create: (bind) => new UnmatchedStore(options, bind),
  }
}
