import type { Change } from '../operators/regroup.ts'
import { type TableAggregation, tableAggregate } from '../operators/table-aggregate.ts'
import type { Serde } from '../serdes/serde.ts'
import { serdes } from '../serdes/serdes.ts'
import { keyValueStore } from '../state/key-value-store.ts'
import { type Stage, untyped } from './builder.ts'
import type { StoreOptions } from './grouped-stream.ts'
import { type Named, splitName } from './named.ts'
import { repartition } from './repartition.ts'
import { Table } from './table.ts'
import { storedRows } from './table-rows.ts'

/** How an aggregate follows rows that come, change and go. */
export interface TableAggregateSpec<K, V, A> {
  readonly initializer: () => A
  /** A value enters the group. Answers null to delete the group's row. */
  readonly adder: (aggregate: A, value: V, key: K) => A | null
  /** A value leaves the group. */
  readonly subtractor: (aggregate: A, value: V, key: K) => A | null
}

/**
 * A table's rows in groups, before it is said what to make of each group. Always behind a repartition topic, for a row
 * may change its group. Source: Kafka Streams `KGroupedTable`.
 */
export class GroupedTable<K, V> {
  readonly #changes: Stage<K, Change<V>>
  readonly #value: Serde<V>
  readonly #name: string | undefined
  readonly #partitions: number | undefined
  #partitioned: Stage<K, Change<V>> | undefined

  constructor(
    changes: Stage<K, Change<V>>,
    value: Serde<V>,
    name: string | undefined,
    partitions: number | undefined,
  ) {
    this.#changes = changes
    this.#value = value
    this.#name = name
    this.#partitions = partitions
  }

  /** How many rows each group has. */
  count(...args: Named<[options?: StoreOptions<number>]>): Table<K, number> {
    const {
      name,
      rest: [options],
    } = splitName(args)
    const aggregation: TableAggregation<K, V, number> = {
      add: (count) => (count ?? 0) + 1,
      subtract: (count) => count - 1,
    }
    return this.#aggregate({ kind: 'count', ...name }, aggregation, options)
  }

  /** Combines the values of each group: the adder takes in what enters, the subtractor takes out what leaves. */
  reduce(
    ...args: Named<
      [
        reducers: {
          readonly adder: (aggregate: V, value: V) => V | null
          readonly subtractor: (aggregate: V, value: V) => V | null
        },
        options?: StoreOptions<V>,
      ]
    >
  ): Table<K, V> {
    const {
      name,
      rest: [{ adder, subtractor }, options],
    } = splitName(args)
    const aggregation: TableAggregation<K, V, V> = {
      add: (aggregate, value) => (aggregate === null ? value : adder(aggregate, value)),
      subtract: subtractor,
    }
    return this.#aggregate({ kind: 'reduce', ...name }, aggregation, { value: this.#value, ...options })
  }

  /** Makes an aggregate of each group's values. */
  aggregate<A>(...args: Named<[spec: TableAggregateSpec<K, V, A>, options?: StoreOptions<A>]>): Table<K, A> {
    const {
      name,
      rest: [{ initializer, adder, subtractor }, options],
    } = splitName(args)
    const aggregation: TableAggregation<K, V, A> = {
      add: (aggregate, value, key) => adder(aggregate ?? initializer(), value, key),
      subtract: subtractor,
    }
    return this.#aggregate({ kind: 'aggregate', ...name }, aggregation, options)
  }

  #aggregate<A>(
    spec: { kind: string; name?: string },
    aggregation: TableAggregation<K, V, A>,
    options: StoreOptions<A> = {},
  ): Table<K, A> {
    const { builder } = this.#changes
    const name = spec.name ?? options.store ?? builder.graph.freeName(spec.kind)
    this.#partitioned ??= repartition(this.#changes, this.#name ?? name, {
      ...(this.#partitions !== undefined && { partitions: this.#partitions }),
    })
    const { port, key } = this.#partitioned
    const value = options.value ?? serdes.json<A>()
    const store = keyValueStore({ name: options.store ?? name, key, value })
    const derived = builder.graph.add({
      type: 'operator',
      kind: spec.kind,
      name,
      inputs: [port],
      stores: [store],
      expands: false,
      stateless: false,
      connect: (context) => [untyped(tableAggregate({ aggregation, store }, context))],
    })
    return new Table({ builder, port: derived, key, value, rekeyed: false }, storedRows(store))
  }
}
