import type { Serde } from '../serdes/serde.ts'

/** How the result of an aggregation is kept. Source: Kafka Streams `Materialized`. */
export interface StoreOptions<A> {
  /** Name of the store, and of its changelog topic; default: the step's name. */
  readonly store?: string
  /** How the aggregate is written to the changelog; default JSON. */
  readonly value?: Serde<A>
}

/** How the windows of an aggregation are kept. */
export interface WindowedStoreOptions<A> extends StoreOptions<A> {
  /** How long a window may be found in the store, ms of event time; default: until it has closed. */
  readonly retentionMs?: number
}
