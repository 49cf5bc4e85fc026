import { type BindSerde, unbound } from '../serdes/bound-serde.ts'
import { joinParts, splitParts } from '../serdes/parts.ts'
import type { Serde } from '../serdes/serde.ts'
import { compareBytes } from './compare-bytes.ts'
import { DirtyList } from './dirty-list.ts'
import { firstNotBefore } from './first-not-before.ts'
import { type ChangelogAppender, type MapKey, mapKeyOf, type StateStore, type StoreSpec } from './store.ts'

/** A left row that wants to hear of a right one. */
export interface Subscriber<K> {
  /** Of the left row. */
  readonly key: K
  /** Fingerprint of the left row's value, sent back with every answer: it tells which row the answer is for. */
  readonly hash: Buffer
  /** Where the left row lives. */
  readonly partition: number
}

interface Entry<FK, K> extends Subscriber<K> {
  readonly foreignKey: FK
  readonly keyBytes: Buffer
  hash: Buffer
  partition: number
  dirty: boolean
  gone: boolean
}

/** How the subscriptions of a foreign-key join are named and written. */
export interface SubscriptionStoreOptions<FK, K> {
  /** Of the store: unique in the topology. */
  readonly name: string
  /** How the right rows' keys are written. */
  readonly foreignKey: Serde<FK>
  /** How the left rows' keys are written. */
  readonly key: Serde<K>
}

/** Which left rows name which right one, in order of the left rows' serialized keys. Source: KIP-213. */
export class SubscriptionStore<FK, K> implements StateStore {
  readonly name: string
  readonly #foreignKey: Serde<FK>
  readonly #key: Serde<K>
  readonly #mapKey: (key: FK) => MapKey
  readonly #byForeignKey = new Map<MapKey, Entry<FK, K>[]>()
  #size = 0
  readonly #dirty = new DirtyList<Entry<FK, K>>()

  constructor({ name, foreignKey, key }: SubscriptionStoreOptions<FK, K>, bind: BindSerde = unbound) {
    this.name = name
    this.#foreignKey = bind(foreignKey, 'key')
    this.#key = bind(key, 'key')
    this.#mapKey = mapKeyOf(this.#foreignKey)
  }

  get size(): number {
    return this.#size
  }

  /** The left row names the right one, in place of what was known of it. */
  put(foreignKey: FK, subscriber: Subscriber<K>): void {
    this.#dirty.mark(this.#set(foreignKey, subscriber, this.#key.serialize(subscriber.key)))
  }

  /** The left row names the right one no more. */
  delete(foreignKey: FK, key: K): void {
    const removed = this.#remove(foreignKey, this.#key.serialize(key))
    if (removed) this.#dirty.mark(removed)
  }

  /** The left rows that name the right one, in order. */
  subscribers(foreignKey: FK): readonly Subscriber<K>[] {
    return this.#byForeignKey.get(this.#mapKey(foreignKey)) ?? []
  }

  drainChanges(append: ChangelogAppender): void {
    for (const { foreignKey, keyBytes, hash, partition, gone } of this.#dirty.take()) {
      const value = joinParts(hash, partitionBytes(partition))
      append(joinParts(this.#foreignKey.serialize(foreignKey), keyBytes), gone ? null : value, 0)
    }
  }

  restore(bytes: Buffer, value: Buffer | null): void {
    const [foreignKeyBytes, keyBytes] = splitParts(bytes) as [Buffer, Buffer]
    const foreignKey = this.#foreignKey.deserialize(foreignKeyBytes)
    if (value === null) {
      this.#remove(foreignKey, keyBytes)
      return
    }
    const [hash, partition] = splitParts(value) as [Buffer, Buffer]
    const key = this.#key.deserialize(keyBytes)
    this.#set(foreignKey, { key, hash, partition: partition.readInt32BE() }, Buffer.from(keyBytes))
  }

  #set(foreignKey: FK, subscriber: Subscriber<K>, keyBytes: Buffer): Entry<FK, K> {
    const { key, partition } = subscriber
    // A copy: what came is a view that would keep all that was fetched with it.
    const hash = Buffer.from(subscriber.hash)
    const mapKey = this.#mapKey(foreignKey)
    const entries = this.#byForeignKey.get(mapKey) ?? []
    const i = firstNotBefore(entries, keyBytes, isBefore)
    const known = entries[i]
    if (known?.keyBytes.equals(keyBytes)) {
      known.hash = hash
      known.partition = partition
      return known
    }
    const entry = { foreignKey, key, keyBytes, hash, partition, dirty: false, gone: false }
    entries.splice(i, 0, entry)
    this.#byForeignKey.set(mapKey, entries)
    this.#size++
    return entry
  }

  #remove(foreignKey: FK, keyBytes: Buffer): Entry<FK, K> | undefined {
    const mapKey = this.#mapKey(foreignKey)
    const entries = this.#byForeignKey.get(mapKey) ?? []
    const i = firstNotBefore(entries, keyBytes, isBefore)
    const entry = entries[i]
    if (!entry?.keyBytes.equals(keyBytes)) return undefined
    entry.gone = true
    entries.splice(i, 1)
    if (entries.length === 0) this.#byForeignKey.delete(mapKey)
    this.#size--
    return entry
  }
}

function isBefore(entry: { readonly keyBytes: Buffer }, keyBytes: Buffer): boolean {
  return compareBytes(entry.keyBytes, keyBytes) < 0
}

function partitionBytes(partition: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(partition)
  return bytes
}

/** The store of `answerForeignKey`. */
export function subscriptionStore<FK, K>(
  options: SubscriptionStoreOptions<FK, K>,
): StoreSpec<SubscriptionStore<FK, K>> {
  return {
    name: options.name,
    kind: 'key-value',
    logged: true,
    written: { key: `${options.foreignKey.name} and ${options.key.name}`, value: 'subscription' },
    create: (bind) => new SubscriptionStore(options, bind),
  }
}
