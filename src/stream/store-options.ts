import type { Serde } from '../serdes/serde.ts'
import type { StoreType } from '../state/store.ts'

/** What the result of an aggregation is kept under, and how it is written. */
interface NamedStoreOptions<A> {
  /** Name of the store, and of its changelog topic; default: the step's name. */
  readonly store?: string
  /** How the aggregate is written to the changelog; default JSON. */
  readonly value?: Serde<A>
}

/** How the result of an aggregation is kept. Source: Kafka Streams `Materialized`. */
export interface StoreOptions<A> extends NamedStoreOptions<A> {
  /**
   * Where its rows are: `disk` for more of them than memory has room for. Default: the environment's `storeType`. Source:
   * Kafka Streams `Materialized.withStoreType` (KIP-591).
   */
  readonly storeType?: StoreType
}

/** How the windows of an aggregation are kept: always in memory. */
export interface WindowedStoreOptions<A> extends NamedStoreOptions<A> {
  /** How long a window may be found in the store, ms of event time; default: until it has closed. */
  readonly retentionMs?: number
}
