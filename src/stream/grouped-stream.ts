import { aggregate } from '../operators/aggregate.ts'
import { type Aggregation, counting, reduction } from '../operators/aggregation.ts'
import type { Serde } from '../serdes/serde.ts'
import { type KeyValueStore, keyValueStore } from '../state/key-value-store.ts'
import type { SessionWindows, SlidingWindows, TimeWindows } from '../windows/windows.ts'
import { type AggregationInput, aggregationStep } from './aggregation-step.ts'
import type { Stage } from './builder.ts'
import { CogroupedStream } from './cogrouped-stream.ts'
import { type Named, splitName } from './named.ts'
import { repartition } from './repartition.ts'
import { SessionWindowedStream } from './session-windowed-stream.ts'
import { Table } from './table.ts'
import { storedRows } from './table-rows.ts'
import { TimeWindowedStream } from './time-windowed-stream.ts'
import type { WindowedByOptions } from './windowed-aggregation.ts'

/** How the result of an aggregation is kept. Source: Kafka Streams `Materialized`. */
export interface StoreOptions<A> {
  /** Name of the store, and of its changelog topic; default: the step's name. */
  readonly store?: string
  /** How the aggregate is written to the changelog; default JSON. */
  readonly value?: Serde<A>
}

/** What a stage needs to become a table: the aggregation, and the initial value that tells its type. */
export interface AggregateSpec<K, V, A> {
  readonly initializer: () => A
  readonly aggregator: (aggregate: A, value: V, key: K) => A | null
}

/** Records grouped by key, before it is said what to make of them. Source: Kafka Streams `KGroupedStream`. */
export class GroupedStream<K, V> {
  readonly #stage: Stage<K, V>
  readonly #name: string | undefined
  readonly #partitions: number | undefined
  #partitioned: Stage<K, V> | undefined

  constructor(stage: Stage<K, V>, name: string | undefined, partitions: number | undefined) {
    this.#stage = stage
    this.#name = name
    this.#partitions = partitions
  }

  /** @internal Where the records lie as their key says: one repartition topic, however often the group is used. */
  partitioned(fallbackName: string): Stage<K, V> {
    if (!this.#stage.rekeyed) return this.#stage
    this.#partitioned ??= repartition(this.#stage, this.#name ?? fallbackName, {
      ...(this.#partitions !== undefined && { partitions: this.#partitions }),
    })
    return this.#partitioned
  }

  /** @internal */
  get stage(): Stage<K, V> {
    return this.#stage
  }

  /** How many records each key has had; a record with a null value is dropped. */
  count(...args: Named<[options?: StoreOptions<number>]>): Table<K, number> {
    const {
      name,
      rest: [options],
    } = splitName(args)
    return this.#aggregate({ kind: 'count', ...name }, counting, options)
  }

  /** Combines the values of each key; the first one stands as it is. The reducer answers null to delete the row. */
  reduce(
    ...args: Named<[reducer: (aggregate: V, value: V) => V | null, options?: StoreOptions<V>]>
  ): Table<K, V> {
    const {
      name,
      rest: [reducer, options],
    } = splitName(args)
    return this.#aggregate({ kind: 'reduce', ...name }, reduction(reducer), {
      value: this.#stage.value,
      ...options,
    })
  }

  /** Makes an aggregate of the values of each key. The aggregator answers null to delete the row. */
  aggregate<A>(...args: Named<[spec: AggregateSpec<K, V, A>, options?: StoreOptions<A>]>): Table<K, A> {
    const {
      name,
      rest: [spec, options],
    } = splitName(args)
    return this.#aggregate({ kind: 'aggregate', ...name }, aggregationOf(spec), options)
  }

  /** Aggregates each window of a key for itself: tumbling, hopping or sliding windows, or sessions. */
  windowedBy(windows: TimeWindows | SlidingWindows, options?: WindowedByOptions): TimeWindowedStream<K, V>
  windowedBy(windows: SessionWindows, options?: WindowedByOptions): SessionWindowedStream<K, V>
  windowedBy(
    windows: TimeWindows | SlidingWindows | SessionWindows,
    options: WindowedByOptions = {},
  ): TimeWindowedStream<K, V> | SessionWindowedStream<K, V> {
    return windows.kind === 'session'
      ? new SessionWindowedStream(this, windows, options)
      : new TimeWindowedStream(this, windows, options)
  }

  /** Begins one aggregate over several groups: each has an aggregator of its own for it. */
  cogroup<A>(aggregator: (aggregate: A, value: V, key: K) => A | null): CogroupedStream<K, A> {
    return new CogroupedStream<K, A>([]).cogroup(this, aggregator)
  }

  #aggregate<A>(
    spec: { kind: string; name?: string },
    aggregation: Aggregation<K, V, A>,
    options: StoreOptions<A> | undefined,
  ): Table<K, A> {
    return aggregatedTable({ ...spec, inputs: [{ group: this, aggregation }], options })
  }
}

/** The table of an aggregation without windows. */
export function aggregatedTable<K, A>(step: {
  readonly kind: string
  readonly name?: string
  readonly inputs: readonly AggregationInput<K, Aggregation<K, unknown, A>>[]
  readonly options: StoreOptions<A> | undefined
}): Table<K, A> {
  const stage = aggregationStep<K, A, Aggregation<K, unknown, A>, K, KeyValueStore<K, A>>({
    ...step,
    expands: false,
    store: keyValueStore,
    operator: (aggregation, store, context) => aggregate({ aggregation, store }, context),
  })
  return new Table(stage, storedRows(stage.store))
}

/** The aggregator starts from the initial value again after a deletion, so it never sees null. */
export function aggregationOf<K, V, A>({
  initializer,
  aggregator,
}: AggregateSpec<K, V, A>): Aggregation<K, V, A> {
  return {
    initializer,
    aggregator: (aggregate, value, key) => aggregator(aggregate ?? initializer(), value, key),
  }
}
