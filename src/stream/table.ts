import { oneOf } from '../checked.ts'
import type { Dropped } from '../operators/operator.ts'
import { regroup } from '../operators/regroup.ts'
import type { BufferBounds } from '../operators/suppress.ts'
import { toStream } from '../operators/to-stream.ts'
import type { Change } from '../records/change.ts'
import { changeSerde } from '../serdes/change-serde.ts'
import { nonNull, nullable, serdes } from '../serdes/serdes.ts'
import { mapKeyOf } from '../state/store.ts'
import type { Windowed } from '../windows/windows.ts'
import { type Stage, sideOutput, untyped } from './builder.ts'
import { deriveTable } from './derived-table.ts'
import { Group } from './group.ts'
import { GroupedTable } from './grouped-table.ts'
import { type ByForeignKey, type ByKey, joinTableWith, type TableJoiner } from './join-table-with.ts'
import { type Named, placeOf, type StepSpec, splitName } from './named.ts'
import type { RepartitionOptions } from './repartition.ts'
import type { StoreOptions } from './store-options.ts'
import { Stream } from './stream.ts'
import {
  type FinalResultBounds,
  suppressionStep,
  type UntilTimeLimit,
  type UntilWindowCloses,
} from './suppression.ts'
import { joinTables } from './table-joins.ts'
import type { TableRows, TableStage } from './table-rows.ts'

/** The newest value of each key, and how it changes. Source: Kafka Streams `KTable`. */
export class Table<K, V> {
  readonly #stage: Stage<K, V>
  readonly #rows: TableRows<K, V>

  /** @internal */
  constructor(stage: Stage<K, V>, rows: TableRows<K, V>) {
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
   * Keeps the rows for which the predicate holds; what it proves is the type of the values behind it. A rejected value
   * becomes a tombstone: only if the row was there before, where that can be known from a store before this step or of
   * its own.
   */
  filter<W extends V>(
    ...args: Named<[predicate: (value: V, key: K) => value is W, options?: StoreOptions<W>]>
  ): Table<K, W>
  /**
   * Keeps the rows for which the predicate holds. A rejected value becomes a tombstone: only if the row was there
   * before, where that can be known from a store before this step or of its own. Source: Kafka Streams `KTable.filter`.
   *
   * @example
   * ```ts
   * table(supply).filter('available', (amount) => amount > 0, { store: 'available' })
   * ```
   */
  filter(...args: Named<[predicate: (value: V, key: K) => boolean, options?: StoreOptions<V>]>): Table<K, V>
  filter(...args: Named<[predicate: (value: V, key: K) => boolean, options?: StoreOptions<V>]>): Table<K, V> {
    const [name, predicate, options] = splitName(args, 'predicate')
    return this.#filter({ kind: 'filter', ...name }, predicate, options)
  }

  /** Keeps the rows for which the predicate does not hold; else as `filter`. */
  filterNot(
    ...args: Named<[predicate: (value: V, key: K) => boolean, options?: StoreOptions<V>]>
  ): Table<K, V> {
    const [name, predicate, options] = splitName(args, 'predicate')
    return this.#filter({ kind: 'filterNot', ...name }, (value, key) => !predicate(value, key), options)
  }

  /**
   * Gives each row a new value; null deletes it. With a `store` the results are kept there.
   *
   * @example
   * ```ts
   * table(users).mapValues('initials', (name) => name.slice(0, 1), { store: 'initials', value: serdes.string })
   * ```
   */
  mapValues<W>(
    ...args: Named<[mapper: (value: V, key: K) => W | null, options?: StoreOptions<W>]>
  ): Table<K, W> {
    const [name, mapper, options] = splitName(args, 'mapper')
    const value = serdes.json<W>()
    return tableOf(
      deriveTable(this, { kind: 'mapValues', ...name, mapper, isFilter: false, value, ...options }),
    )
  }

  /**
   * Puts each row in a group, with a value of its own there; a null key or value puts it in none.
   *
   * @example
   * ```ts
   * table(users)
   *   .groupBy((name, id) => [name.slice(0, 1), id], { key: serdes.string, value: serdes.string })
   *   .count('users by first letter')
   * ```
   */
  groupBy<K2, V2>(
    ...args: Named<
      [
        mapper: (value: V, key: K) => readonly [key: K2, value: V2],
        options?: RepartitionOptions<NonNullable<K2>, NonNullable<V2>>,
      ]
    >
  ): GroupedTable<NonNullable<K2>, NonNullable<V2>> {
    const [name, mapper, options = {}] = splitName(args, 'mapper')
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

  /**
   * Joins the rows of equal keys: a result where both tables have one. A change of either table makes one, with the
   * larger timestamp. The joiner answers null for no row. Source: Kafka Streams `KTable.join`.
   *
   * @example
   * ```ts
   * table(users).join('named supply', table(supply), (name, amount) => `${name}: ${amount}`, { value: serdes.string })
   * ```
   */
  join<R, J>(...args: Named<ByKey<K, V, R, R, J>>): Table<K, J>
  /**
   * Joins each row with the row of the other table that its foreign key names: a change of either makes a result. It
   * goes through two topics of the application's own. Source: Kafka Streams' foreign-key join, KIP-213.
   *
   * @example
   * ```ts
   * table(baskets).join(
   *   'baskets of users',
   *   table(users),
   *   { foreignKey: ({ user }) => user },
   *   (basket, name) => ({ ...basket, name }),
   * )
   * ```
   */
  join<FK, R, J>(...args: Named<ByForeignKey<K, V, FK, R, R, J>>): Table<K, J>
  join<FK, R, J>(...args: Named<ByKey<K, V, R, R, J> | ByForeignKey<K, V, FK, R, R, J>>): Table<K, J> {
    return tableOf(joinTableWith(this, 'join', args))
  }

  /**
   * As the `join` by key, with a result for each row of this table: with null where the other one has none. Source:
   * Kafka Streams `KTable.leftJoin`.
   *
   * @example
   * ```ts
   * table(users).leftJoin(table(supply), (name, amount) => `${name}: ${amount ?? 'nothing'}`)
   * ```
   */
  leftJoin<R, J>(...args: Named<ByKey<K, V, R, R | null, J>>): Table<K, J>
  /**
   * As the `join` by foreign key, with a result for each row of this table: with null where it names none, or none is
   * there. Source: Kafka Streams' foreign-key join, KIP-213.
   */
  leftJoin<FK, R, J>(...args: Named<ByForeignKey<K, V, FK, R, R | null, J>>): Table<K, J>
  leftJoin<FK, R, J>(
    ...args: Named<ByKey<K, V, R, R | null, J> | ByForeignKey<K, V, FK, R, R | null, J>>
  ): Table<K, J> {
    return tableOf(joinTableWith(this, 'leftJoin', args))
  }

  /**
   * As the `join` by key, with a result for each key that one of the tables has: with null for the other. Source: Kafka
   * Streams `KTable.outerJoin`.
   *
   * @example
   * ```ts
   * table(users).outerJoin(table(supply), (name, amount) => `${name ?? 'nobody'}: ${amount ?? 'nothing'}`)
   * ```
   */
  outerJoin<R, J>(
    ...args: Named<
      [other: Table<K, R>, joiner: TableJoiner<K, V | null, R | null, J>, options?: StoreOptions<J>]
    >
  ): Table<K, J> {
    const [name, other, joiner, options] = splitName(args, 'other', 'joiner')
    const outer = { left: true, right: true }
    return tableOf(joinTables(this, other, { kind: 'outerJoin', ...name, joiner, outer, ...options }))
  }

  /**
   * Holds back what changes: of each key only the newest update goes out, when it has waited for the limit. With
   * `bounds` no more than that is held. Throws `BAD_TOPOLOGY` for a versioned table, and for `untilWindowCloses`: this
   * table has no windows. Source: Kafka Streams `KTable.suppress`.
   *
   * @example
   * ```ts
   * table(supply).suppress('once a minute', untilTimeLimit({ limitMs: 60_000 }), {
   *   recordsMax: 10_000,
   *   whenFull: 'emitEarly',
   * })
   * ```
   */
  suppress(...args: Named<[until: UntilTimeLimit, bounds?: BufferBounds]>): Table<K, V> {
    const [{ name }, { until, limitMs }, bounds] = splitName(args, 'until')
    // A table without windows has none that could close.
    oneOf({ until }, ['timeLimit'], placeOf({ name }))
    const timeOf = (_: K, timestampMs: number) => timestampMs
    return tableOf(suppressionStep(this, name, { timeOf, waitMs: limitMs, tombstones: true, bounds }))
  }

  /**
   * The changes of the table as records; a deleted row is a null value. Source: Kafka Streams `KTable.toStream`.
   *
   * @example
   * ```ts
   * stream(clicks).groupByKey().count('clicks by user').toStream().to(counts)
   * ```
   */
  toStream(...args: Named<[]>): Stream<K, V | null>
  /** As `toStream()`, with a new key for each record. What needs the key afterwards is repartitioned. */
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
    step: StepSpec,
    predicate: (value: V, key: K) => boolean,
    options: StoreOptions<V> | undefined,
  ): Table<K, V> {
    const mapper = (value: V, key: K) => (predicate(value, key) ? value : null)
    return tableOf(
      deriveTable(this, { ...step, mapper, isFilter: true, value: this.#stage.value, ...options }),
    )
  }
}

/** Of the aggregation that makes the windows. */
export interface WindowClosing<K> {
  /** A window is closed when stream time is this much past its end. */
  readonly closesMs: number
  /** Where its late records come out. */
  readonly aggregation: Stage<K, unknown>
}

/**
 * A table with a row for each key and window. `In`: the values that are aggregated there. (In one file with the table: it extends it at the moment of loading, and
 * the modules of the stages import each other in a circle.)
 */
export class WindowedTable<K, V, In> extends Table<Windowed<K>, V> {
  readonly #closing: WindowClosing<K>

  /** @internal */
  constructor(stage: Stage<Windowed<K>, V>, rows: TableRows<Windowed<K>, V>, closing: WindowClosing<K>) {
    super(stage, rows)
    this.#closing = closing
  }

  /**
   * Each window once, with its last update, when stream time has reached its end plus grace (of a session: plus gap and
   * grace), in order of end, then of the serialized key; none that was deleted. If its `bounds` are exceeded, the
   * pipeline fails with `BUFFER_FULL`. Source: Kafka Streams `Suppressed.untilWindowCloses`.
   *
   * @example
   * ```ts
   * stream(clicks)
   *   .groupByKey()
   *   .windowedBy(tumbling({ sizeMs: 60_000, graceMs: 5_000 }))
   *   .count('clicks per minute')
   *   .suppress('closed minutes', untilWindowCloses)
   *   .toStream((_count, { key, startMs }) => `${key} ${startMs}`)
   * ```
   */
  override suppress(
    ...args: Named<[until: UntilWindowCloses, bounds?: FinalResultBounds]>
  ): WindowedTable<K, V, In>
  /** As for any table: the newest update of each window, when it has waited for the limit. */
  override suppress(...args: Named<[until: UntilTimeLimit, bounds?: BufferBounds]>): WindowedTable<K, V, In>
  override suppress(
    ...args: Named<[until: UntilWindowCloses | UntilTimeLimit, bounds?: BufferBounds]>
  ): WindowedTable<K, V, In> {
    const [{ name }, until, bounds] = splitName(args, 'until')
    oneOf({ until: until.until }, ['timeLimit', 'windowCloses'], placeOf({ name }))
    if (until.until === 'timeLimit') {
      const timeOf = (_: Windowed<K>, timestampMs: number) => timestampMs
      return this.#same(
        suppressionStep(this, name, { timeOf, waitMs: until.limitMs, tombstones: true, bounds }),
      )
    }
    const waitMs = this.#closing.closesMs
    return this.#same(
      suppressionStep(this, name, { timeOf: ({ endMs }) => endMs, waitMs, tombstones: false, bounds }),
    )
  }

  override filter<W extends V>(
    ...args: Named<[predicate: (value: V, key: Windowed<K>) => value is W, options?: StoreOptions<W>]>
  ): WindowedTable<K, W, In>
  override filter(
    ...args: Named<[predicate: (value: V, key: Windowed<K>) => boolean, options?: StoreOptions<V>]>
  ): WindowedTable<K, V, In>
  override filter(
    ...args: Named<[predicate: (value: V, key: Windowed<K>) => boolean, options?: StoreOptions<V>]>
  ): WindowedTable<K, V, In> {
    return this.#same(super.filter(...args))
  }

  override filterNot(
    ...args: Named<[predicate: (value: V, key: Windowed<K>) => boolean, options?: StoreOptions<V>]>
  ): WindowedTable<K, V, In> {
    return this.#same(super.filterNot(...args))
  }

  override mapValues<W>(
    ...args: Named<[mapper: (value: V, key: Windowed<K>) => W | null, options?: StoreOptions<W>]>
  ): WindowedTable<K, W, In> {
    return this.#same(super.mapValues(...args))
  }

  /**
   * Records that came after their window had closed, once for each window that they missed. Each is counted too.
   *
   * @example
   * ```ts
   * const perMinute = stream(clicks)
   *   .groupByKey()
   *   .windowedBy(tumbling({ sizeMs: 60_000, graceMs: 5_000 }))
   *   .count('clicks per minute')
   * perMinute.late$.peek(({ window, streamTimeMs }) => console.log('missed', window, 'at', streamTimeMs))
   * ```
   */
  get late$(): Stream<K, Dropped<In>> {
    const { aggregation } = this.#closing
    return new Stream({ ...sideOutput<In>(aggregation, 'late'), key: aggregation.key })
  }

  /** The windows stay the same when what is in them changes. */
  #same<W>({ stage, rows }: TableStage<Windowed<K>, W>): WindowedTable<K, W, In> {
    return new WindowedTable(stage, rows, this.#closing)
  }
}

function tableOf<K, V>({ stage, rows }: TableStage<K, V>): Table<K, V> {
  return new Table(stage, rows)
}
