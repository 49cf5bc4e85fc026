import type { Dropped } from '../operators/operator.ts'
import { type Change, regroup } from '../operators/regroup.ts'
import type { BufferBounds } from '../operators/suppress.ts'
import { tableMap } from '../operators/table-map.ts'
import { toStream } from '../operators/to-stream.ts'
import { changeSerde } from '../serdes/change-serde.ts'
import { nonNull, nullable, serdes } from '../serdes/serdes.ts'
import { keyValueStore } from '../state/key-value-store.ts'
import { mapKeyOf } from '../state/store.ts'
import { type Stage, sideOutput, untyped } from './builder.ts'
import { type ForeignKey, joinByForeignKey } from './foreign-key-join.ts'
import { Group } from './group.ts'
import { GroupedTable } from './grouped-table.ts'
import { type Named, type StepSpec, splitName } from './named.ts'
import type { RepartitionOptions } from './repartition.ts'
import type { SourceTable } from './source-table.ts'
import type { StoreOptions } from './store-options.ts'
import { Stream } from './stream.ts'
import { suppressionStep, type UntilTimeLimit } from './suppression.ts'
import { joinTables } from './table-joins.ts'
import { DerivedRows, type TableRows, unknownRows } from './table-rows.ts'

/** The newest value of each key, and how it changes. Source: Kafka Streams `KTable`. */
export class Table<K, V> {
  readonly #stage: Stage<K, V>
  readonly #rows: TableRows<K, V>

  constructor(stage: Stage<K, V>, rows: TableRows<K, V> = unknownRows) {
    this.#stage = stage
    this.#rows = rows
  }

  /** @internal */
  get stage(): Stage<K, V> {
    return this.#stage
  }

  /** @internal How the steps behind look up rows. */
  get rows(): TableRows<K, V> {
    return this.#rows
  }

  /**
   * Keeps the rows for which the predicate holds. A rejected value becomes a tombstone: only if the row was there
   * before, where that can be known from a store before this step or of its own.
   */
  filter<W extends V>(
    ...args: Named<[predicate: (value: V, key: K) => value is W, options?: StoreOptions<W>]>
  ): Table<K, W>
  filter(...args: Named<[predicate: (value: V, key: K) => boolean, options?: StoreOptions<V>]>): Table<K, V>
  filter(...args: Named<[predicate: (value: V, key: K) => boolean, options?: StoreOptions<V>]>): Table<K, V> {
    const [name, predicate, options] = splitName(args)
    return this.#filter({ kind: 'filter', ...name }, predicate, options)
  }

  /** Keeps the rows for which the predicate does not hold. */
  filterNot(
    ...args: Named<[predicate: (value: V, key: K) => boolean, options?: StoreOptions<V>]>
  ): Table<K, V> {
    const [name, predicate, options] = splitName(args)
    return this.#filter({ kind: 'filterNot', ...name }, (value, key) => !predicate(value, key), options)
  }

  /** Gives each row a new value; null deletes it. With a `store` the results are kept there. */
  mapValues<W>(
    ...args: Named<[mapper: (value: V, key: K) => W | null, options?: StoreOptions<W>]>
  ): Table<K, W> {
    const [name, mapper, options = {}] = splitName(args)
    return this.#derive(
      { kind: 'mapValues', ...name },
      mapper,
      { value: serdes.json<W>(), ...options },
      false,
    )
  }

  /** Puts each row in a group, with a value of its own there; a null key or value puts it in none. */
  groupBy<K2, V2>(
    ...args: Named<
      [
        mapper: (value: V, key: K) => readonly [key: K2, value: V2],
        options?: RepartitionOptions<NonNullable<K2>, NonNullable<V2>>,
      ]
    >
  ): GroupedTable<NonNullable<K2>, NonNullable<V2>> {
    const [name, mapper, options = {}] = splitName(args)
    this.#rows.sendOldValues(true)
    const { builder, port } = this.#stage
    const { versioned } = this.#rows
    const key = options.key ?? nonNull(serdes.json<K2>())
    const value = options.value ?? nonNull(serdes.json<V2>())
    const mapKey = mapKeyOf(key)
    const sameKey = (a: NonNullable<K2>, b: NonNullable<K2>) => mapKey(a) === mapKey(b)
    const place = (row: V, rowKey: K) => {
      const [group, grouped] = mapper(row, rowKey)
      return [group ?? null, grouped ?? null] as const
    }
    const changes = builder.graph.add({
      type: 'operator',
      kind: 'groupBy',
      ...name,
      inputs: [port],
      stores: [],
      expands: true,
      stateless: true,
      connect: (context) => [untyped(regroup({ mapper: place, sameKey, versioned }, context))],
    })
    const stage: Stage<NonNullable<K2>, Change<NonNullable<V2>>> = {
      builder,
      port: changes,
      key,
      value: changeSerde(value),
      rekeyed: true,
    }
    return new GroupedTable(new Group(stage, name.name, options.partitions), value)
  }

  /** Joins the rows of equal keys: a result where both tables have one. The joiner answers null for no row. */
  join<R, J>(...args: Named<ByKey<K, V, R, R, J>>): Table<K, J>
  /** Joins each row with the row of the other table that its foreign key names. */
  join<FK, R, J>(...args: Named<ByForeignKey<K, V, FK, R, R, J>>): Table<K, J>
  join<FK, R, J>(...args: Named<ByKey<K, V, R, R, J> | ByForeignKey<K, V, FK, R, R, J>>): Table<K, J> {
    return this.#join('join', args, false)
  }

  /** The same with a result for each row of this table: with null where the other one has none. */
  leftJoin<R, J>(...args: Named<ByKey<K, V, R, R | null, J>>): Table<K, J>
  leftJoin<FK, R, J>(...args: Named<ByForeignKey<K, V, FK, R, R | null, J>>): Table<K, J>
  leftJoin<FK, R, J>(
    ...args: Named<ByKey<K, V, R, R | null, J> | ByForeignKey<K, V, FK, R, R | null, J>>
  ): Table<K, J> {
    return this.#join('leftJoin', args, true)
  }

  /** The same with a result for each key that one of the tables has: with null for the other. */
  outerJoin<R, J>(
    ...args: Named<
      [other: Table<K, R>, joiner: TableJoiner<K, V | null, R | null, J>, options?: StoreOptions<J>]
    >
  ): Table<K, J> {
    const [name, other, joiner, options] = splitName(args)
    const outer = { left: true, right: true }
    return tableOf(joinTables(this, other, { kind: 'outerJoin', ...name, joiner, outer, ...options }))
  }

  /**
   * Holds back what changes: of each key only the newest update goes out, when it has waited for the limit. With `bounds`
   * no more than that is held.
   */
  suppress(...args: Named<[until: UntilTimeLimit, bounds?: BufferBounds]>): Table<K, V> {
    const [{ name }, { limitMs }, bounds] = splitName(args)
    const timeOf = (_: K, timestampMs: number) => timestampMs
    return tableOf(suppressionStep(this, name, { timeOf, waitMs: limitMs, tombstones: true, bounds }))
  }

  /** The changes of the table as records; a deleted row is a null value. */
  toStream(...args: Named<[]>): Stream<K, V | null>
  /** The same with a new key for each record. What needs the key afterwards is repartitioned. */
  toStream<K2>(...args: Named<[keyMapper: (value: V | null, key: K) => K2]>): Stream<K2, V | null>
  toStream<K2>(
    ...args: Named<[keyMapper?: (value: V | null, key: K) => K2]>
  ): Stream<K, V | null> | Stream<K2, V | null> {
    const [name, keyMapper] = splitName(args)
    const { builder, port, key, value, rekeyed } = this.#stage
    const derived = builder.graph.add({
      type: 'operator',
      kind: 'toStream',
      ...name,
      inputs: [port],
      stores: [],
      expands: false,
      stateless: true,
      connect: () => [untyped(toStream<K, V>())],
    })
    const stream = new Stream({ builder, port: derived, key, value: nullable(value), rekeyed })
    return keyMapper ? stream.selectKey(keyMapper) : stream
  }

  /** What the step that makes this table has left out, with the reason. Every such record is counted too. */
  get dropped$(): Stream<unknown, Dropped<unknown>> {
    return new Stream(sideOutput(this.#stage, 'dropped'))
  }

  #filter(
    spec: StepSpec,
    predicate: (value: V, key: K) => boolean,
    options: StoreOptions<V> = {},
  ): Table<K, V> {
    const mapper = (value: V, key: K) => (predicate(value, key) ? value : null)
    return this.#derive(spec, mapper, { value: this.#stage.value, ...options }, true)
  }

  #derive<W>(
    spec: StepSpec,
    mapper: (value: V, key: K) => W | null,
    { store: storeName, value }: StoreOptions<W> & Required<Pick<StoreOptions<W>, 'value'>>,
    isFilter: boolean,
  ): Table<K, W> {
    const { builder, port, key, rekeyed } = this.#stage
    const store = storeName === undefined ? undefined : keyValueStore({ name: storeName, key, value })
    const rows = new DerivedRows(this.#rows, mapper, store)
    // A filter asks for old values in any case, to be able to leave out tombstones; nobody makes a store for it.
    if (isFilter) rows.sendsOldValues = this.#rows.sendOldValues(false)
    const derived = builder.graph.add({
      type: 'operator',
      ...spec,
      inputs: [port],
      stores: store ? [store] : [],
      expands: false,
      stateless: store === undefined,
      connect: (context) => {
        const { sendsOldValues } = rows
        const options = { mapper, sendsOldValues, skipsNothing: isFilter, ...(store && { store }) }
        return [untyped(tableMap(options, context))]
      },
    })
    return new Table({ builder, port: derived, key, value, rekeyed }, rows)
  }

  #join<FK, R, Right, J>(
    kind: string,
    args: Named<ByKey<K, V, R, Right, J> | ByForeignKey<K, V, FK, R, Right, J>>,
    left: boolean,
  ): Table<K, J> {
    const [name, ...rest] = splitName<ByKey<K, V, R, Right, J> | ByForeignKey<K, V, FK, R, Right, J>>(args)
    if (isByForeignKey(rest)) {
      const [other, { foreignKey }, joiner, options] = rest
      const spec = { kind, ...name, foreignKey, joiner: anyRow(joiner), left, ...options }
      return tableOf(joinByForeignKey(this, other, spec))
    }
    const [other, joiner, options] = rest
    const spec = { kind, ...name, joiner: anyRow(joiner), outer: { left, right: false }, ...options }
    return tableOf(joinTables(this, other, spec))
  }
}

type TableJoiner<K, L, R, J> = (left: L, right: R, key: K) => J | null

type ByKey<K, L, R, Right, J> = readonly [
  other: Table<K, R>,
  joiner: TableJoiner<K, L, Right, J>,
  options?: StoreOptions<J>,
]

type ByForeignKey<K, L, FK, R, Right, J> = readonly [
  other: Table<FK, R>,
  on: ForeignKey<K, L, FK>,
  joiner: TableJoiner<K, L, Right, J>,
  options?: StoreOptions<J>,
]

function isByForeignKey<K, L, FK, R, Right, J>(
  args: ByKey<K, L, R, Right, J> | ByForeignKey<K, L, FK, R, Right, J>,
): args is ByForeignKey<K, L, FK, R, Right, J> {
  return typeof args[1] === 'object'
}

/** Which rows may be missing is said by the method's types; behind them one operator serves all. */
function anyRow<K, L, R, J>(joiner: TableJoiner<K, L, R, J>) {
  return (left: L | null, right: unknown, key: K) => joiner(left as L, right as R, key)
}

function tableOf<K, V>({ stage, rows }: SourceTable<K, V>): Table<K, V> {
  return new Table(stage, rows)
}
