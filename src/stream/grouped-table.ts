import { required } from '../checked.ts'
import { type TableAggregation, tableAggregate } from '../operators/table-aggregate.ts'
import type { Change } from '../records/change.ts'
import type { Serde } from '../serdes/serde.ts'
import { keyValueStore } from '../state/key-value-store.ts'
import { rowReader } from '../state/row-reader.ts'
import { aggregationStep } from './aggregation-step.ts'
import type { Group } from './group.ts'
import { type Named, placeOf, type StepSpec, splitName } from './named.ts'
import type { StoreOptions } from './store-options.ts'
import { Table } from './table.ts'
import { storedRows } from './table-rows.ts'

/** How an aggregate follows rows that come, change and go. */
export interface TableAggregateSpec<K, V, A> {
  /** The aggregate of a group before its first value, and again after a deletion. */
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
  readonly #group: Group<K, Change<V>>
  readonly #value: Serde<V>

  /** @internal */
  constructor(group: Group<K, Change<V>>, value: Serde<V>) {
    this.#group = group
    this.#value = value
  }

  /**
   * How many rows each group has.
   *
   * @example
   * ```ts
   * table(users).groupBy((name) => [name.slice(0, 1), name]).count('users by first letter')
   * ```
   */
  count(...args: Named<[options?: StoreOptions<number>]>): Table<K, number> {
    const [name, options] = splitName(args)
    const aggregation: TableAggregation<K, V, number> = {
      add: (count) => (count ?? 0) + 1,
      subtract: (count) => count - 1,
    }
    return this.#aggregate({ kind: 'count', ...name }, aggregation, options)
  }

  /**
   * Combines the values of each group: the adder takes in what enters, the subtractor takes out what leaves.
   *
   * @example
   * ```ts
   * table(supply).groupBy((amount, item) => [shopOf(item), amount]).reduce('supply by shop', {
   *   adder: (sum, amount) => sum + amount,
   *   subtractor: (sum, amount) => sum - amount,
   * })
   * ```
   */
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
    const [name, { adder, subtractor }, options] = splitName(args, 'reducers')
    required({ adder, subtractor }, placeOf(name))
    const aggregation: TableAggregation<K, V, V> = {
      add: (aggregate, value) => (aggregate === null ? value : adder(aggregate, value)),
      subtract: subtractor,
    }
    return this.#aggregate({ kind: 'reduce', ...name }, aggregation, { value: this.#value, ...options })
  }

  /**
   * Makes an aggregate of each group's values: the subtractor takes out what a row was worth before the adder takes in
   * what it is worth now. Source: Kafka Streams `KGroupedTable.aggregate`.
   *
   * @example
   * ```ts
   * table(users).groupBy((name, id) => [name.slice(0, 1), id]).aggregate('ids by first letter', {
   *   initializer: (): readonly string[] => [],
   *   adder: (ids, id) => [...ids, id],
   *   subtractor: (ids, id) => ids.filter((each) => each !== id),
   * })
   * ```
   */
  aggregate<A>(...args: Named<[spec: TableAggregateSpec<K, V, A>, options?: StoreOptions<A>]>): Table<K, A> {
    const [name, { initializer, adder, subtractor }, options] = splitName(args, 'spec')
    required({ initializer, adder, subtractor }, placeOf(name))
    const aggregation: TableAggregation<K, V, A> = {
      add: (aggregate, value, key) => adder(aggregate ?? initializer(), value, key),
      subtract: subtractor,
    }
    return this.#aggregate({ kind: 'aggregate', ...name }, aggregation, options)
  }

  #aggregate<A>(
    step: StepSpec,
    aggregation: TableAggregation<K, V, A>,
    options: StoreOptions<A> | undefined,
  ): Table<K, A> {
    const stage = aggregationStep({
      ...step,
      inputs: [{ group: this.#group, aggregation }],
      options,
      expands: false,
      store: keyValueStore<K, A>,
      operator: (spec, store, context) => tableAggregate({ aggregation: spec, store }, context),
    })
    return new Table(stage, storedRows(stage.store, rowReader))
  }
}
