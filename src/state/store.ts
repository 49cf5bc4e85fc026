import type { BindSerde } from '../serdes/bound-serde.ts'
import type { Serde, SerdeNames } from '../serdes/serde.ts'
import type { RowTable } from './disk-table.ts'

/**
 * One change of a store as it stands in its changelog topic. A null value deletes the key. `position`: where the row that
 * it replaces lies in the store's table, if it knows.
 */
export type ChangelogAppender = (
  key: Buffer,
  value: Buffer | null,
  timestampMs: number,
  position?: number,
) => void

/** Where a store keeps its rows: all of them in memory, or on the local disk, for more rows than memory has room for. */
export type StoreType = 'memory' | 'disk'

/**
 * State of one task, its truth in a changelog topic. Changes are marked and written out in batches, so a
 * key that changes a thousand times between two commits is written once.
 */
export interface StateStore {
  /** The spec's; its changelog is `<application>-<name>-changelog`. */
  readonly name: string
  /** How many entries it holds. */
  readonly size: number
  /** Hands over each change since the last call, serialized, and forgets that they were new. */
  drainChanges(append: ChangelogAppender): void
  /** Takes one record of the changelog back; the same record once more changes nothing. */
  restore(key: Buffer, value: Buffer | null, timestampMs: number): void
  /** All of the changelog was taken back, and the steps that use the store, with their times, are there: changes follow. */
  restored?(): void
  /** How many rows it holds that its table has not got yet; absent: it has no table. */
  readonly unsettled?: number
  /** What was handed over is in the store's table now: it need not be held in memory any more. */
  settle?(): void
}

/** How a task makes one of its stores. The spec is what a store is known by: two specs are two stores. */
export interface StoreSpec<S extends StateStore = StateStore> {
  /** Unique in the topology: stores are found again by it. */
  readonly name: string
  /** Said in `describe()` and compared by the topology diff. */
  readonly kind: 'key-value' | 'window' | 'session' | 'versioned' | 'buffer'
  /** How long an entry may be found, ms of event time; absent: for ever. */
  readonly retentionMs?: number
  /** Which windows are in it, in words, where they are not simply aligned to the epoch: compared by the topology diff. */
  readonly windows?: string
  /** Whether it has a changelog topic; a table read straight from a topic has its truth there. */
  readonly logged: boolean
  /** Names of its serdes: said in `describe()` and compared by the topology diff. */
  readonly written?: SerdeNames
  /** How its keys are written, of a store that can be asked from outside. */
  readonly key?: Serde<unknown>
  /** Where its rows are; `default`: where the environment says; absent: it is in memory. */
  readonly storeType?: StoreType | 'default'
  /**
   * `bind` tells its serdes where its changelog is; absent: it stands in no topic. `table` is where it finds what it does
   * not hold itself; absent: it holds everything in memory.
   */
  create(bind?: BindSerde, table?: RowTable): S
}

/** Where the store's rows are, in an environment with that default. */
export function storeTypeOf({ storeType }: StoreSpec, byDefault: StoreType): StoreType {
  return storeType === 'default' ? byDefault : (storeType ?? 'memory')
}

/** How much older than the newest its entries are that it forgets; undefined: it forgets none, or keeps what is newest of each key. */
export function forgetsAfterMs({ kind, retentionMs }: StoreSpec): number | undefined {
  return kind === 'window' || kind === 'session' ? retentionMs : undefined
}

/** What a `Map` may be keyed by to find equal keys: primitives are themselves, the rest are their bytes. */
export type MapKey = string | number | boolean | bigint | null | undefined

export function mapKeyOf<K>(serde: Serde<K>): (key: K) => MapKey {
  const textOf = (key: K) => serde.mapKey?.(key) ?? serde.serialize(key).toString('latin1')
  return (key) => (isPrimitive(key) ? key : textOf(key))
}

function isPrimitive(value: unknown): value is MapKey {
  return (
    value === null || (typeof value !== 'object' && typeof value !== 'function' && typeof value !== 'symbol')
  )
}
