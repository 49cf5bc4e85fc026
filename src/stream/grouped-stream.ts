import { aggregate } from '../operators/aggregate.ts'
import { type Aggregation, counting, reduction } from '../operators/aggregation.ts'
import type { Serde } from '../serdes/serde.ts'
import { serdes } from '../serdes/serdes.ts'
import { keyValueStore } from '../state/key-value-store.ts'
import type { TimeWindows } from '../windows/windows.ts'
import { type Stage, untyped } from './builder.ts'
import { type Named, splitName } from './named.ts'
import { repartition } from './repartition.ts'
import { Table } from './table.ts'
import { TimeWindowedStream } from './time-windowed-stream.ts'

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

  windowedBy(windows: TimeWindows): TimeWindowedStream<K, V> {
    return new TimeWindowedStream(this, windows)
  }

  #aggregate<A>(
    spec: { kind: string; name?: string },
    aggregation: Aggregation<K, V, A>,
    options: StoreOptions<A> = {},
  ): Table<K, A> {
    const { graph } = this.#stage.builder
    const name = spec.name ?? options.store ?? graph.freeName(spec.kind)
    const { builder, port, key } = this.partitioned(name)
    const value = options.value ?? serdes.json<A>()
    const store = keyValueStore({ name: options.store ?? name, key, value })
    const derived = graph.add({
      type: 'operator',
      kind: spec.kind,
      name,
      inputs: [port],
      stores: [store],
      expands: false,
      stateless: false,
      connect: (context) => [untyped(aggregate({ aggregation, store }, context))],
    })
    return new Table({ builder, port: derived, key, value, rekeyed: false })
  }
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
