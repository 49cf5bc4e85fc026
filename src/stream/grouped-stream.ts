import { oneOf, required } from '../checked.ts'
import { aggregate } from '../operators/aggregate.ts'
import { type Aggregation, counting, reduction } from '../operators/aggregation.ts'
import { keyValueStore } from '../state/key-value-store.ts'
import { rowReader } from '../state/row-reader.ts'
import type { Windows } from '../windows/custom-windows.ts'
import type { SessionWindows, SlidingWindows, TimeWindows } from '../windows/windows.ts'
import { type AggregationInput, aggregationStep } from './aggregation-step.ts'
import { CogroupedStream } from './cogrouped-stream.ts'
import type { Group } from './group.ts'
import { type Named, placeOf, type StepName, type StepSpec, splitName } from './named.ts'
import { SessionWindowedStream } from './session-windowed-stream.ts'
import type { StoreOptions } from './store-options.ts'
import { Table } from './table.ts'
import { storedRows } from './table-rows.ts'
import { TimeWindowedStream } from './time-windowed-stream.ts'
import type { WindowedByOptions } from './windowed-aggregation.ts'

/** What a stage needs to become a table: the aggregation, and the initial value that tells its type. */
export interface AggregateSpec<K, V, A> {
  /** The aggregate before the first value, and again after a deletion. */
  readonly initializer: () => A
  /** Answers the next aggregate, a new one, never the same changed in place; null deletes the row. */
  readonly aggregator: (aggregate: A, value: V, key: K) => A | null
}

/** Records grouped by key, before it is said what to make of them. Source: Kafka Streams `KGroupedStream`. */
export class GroupedStream<K, V> {
  readonly #group: Group<K, V>

  /** @internal */
  constructor(group: Group<K, V>) {
    this.#group = group
  }

  /** @internal */
  get group(): Group<K, V> {
    return this.#group
  }

  /**
   * How many records each key has had; a record with a null value is dropped. Source: Kafka Streams
   * `KGroupedStream.count`.
   *
   * @example
   * ```ts
   * stream(clicks).groupByKey().count('clicks by user').toStream().to(counts)
   * ```
   */
  count(...args: Named<[options?: StoreOptions<number>]>): Table<K, number> {
    const [name, options] = splitName(args)
    return this.#aggregate({ kind: 'count', ...name }, counting, options)
  }

  /**
   * Combines the values of each key; the first one stands as it is. The reducer answers null to delete the row. A
   * record with a null value is dropped. Source: Kafka Streams `KGroupedStream.reduce`.
   *
   * @example
   * ```ts
   * stream(orders).groupByKey().reduce('largest order', (a, b) => (a.amount > b.amount ? a : b))
   * ```
   */
  reduce(
    ...args: Named<[reducer: (aggregate: V, value: V) => V | null, options?: StoreOptions<V>]>
  ): Table<K, V> {
    const [name, reducer, options] = splitName(args, 'reducer')
    const { value } = this.#group.stage
    return this.#aggregate({ kind: 'reduce', ...name }, reduction(reducer), { value, ...options })
  }

  /**
   * Makes an aggregate of the values of each key. The aggregator answers null to delete the row. A record with a null
   * value is dropped. Source: Kafka Streams `KGroupedStream.aggregate`.
   *
   * @example
   * ```ts
   * stream(orders).groupByKey().aggregate(
   *   'revenue',
   *   { initializer: () => 0, aggregator: (sum, { amount }) => sum + amount },
   *   { value: serdes.double },
   * )
   * ```
   */
  aggregate<A>(...args: Named<[spec: AggregateSpec<K, V, A>, options?: StoreOptions<A>]>): Table<K, A> {
    const [name, spec, options] = splitName(args, 'spec')
    return this.#aggregate({ kind: 'aggregate', ...name }, aggregationOf(spec, name), options)
  }

  /**
   * Aggregates each window of a key for itself: tumbling, hopping or sliding ones, those of a
   * calendar, unlimited ones, or your own. Throws `BAD_TOPOLOGY` for what are
   * no windows. Source: Kafka Streams `KGroupedStream.windowedBy`.
   *
   * @example
   * ```ts
   * stream(clicks)
   *   .groupByKey()
   *   .windowedBy(tumbling({ sizeMs: 60_000, graceMs: 5_000 }), { emit: 'onWindowClose' })
   *   .count('clicks per minute')
   * ```
   */
  windowedBy(
    windows: TimeWindows | SlidingWindows | Windows,
    options?: WindowedByOptions,
  ): TimeWindowedStream<K, V>
  /**
   * Aggregates each session of a key for itself. Source: Kafka Streams `KGroupedStream.windowedBy(SessionWindows)`.
   *
   * @example
   * ```ts
   * stream(clicks)
   *   .groupByKey()
   *   .windowedBy(session({ gapMs: 1_800_000 }))
   *   .count('clicks per visit')
   * ```
   */
  windowedBy(windows: SessionWindows, options?: WindowedByOptions): SessionWindowedStream<K, V>
  windowedBy(
    windows: TimeWindows | SlidingWindows | Windows | SessionWindows,
    options: WindowedByOptions = {},
  ): TimeWindowedStream<K, V> | SessionWindowedStream<K, V> {
    required({ windows })
    oneOf({ 'windows.kind': windows.kind }, ['time', 'sliding', 'custom', 'session'])
    if (options.emit !== undefined) oneOf({ emit: options.emit }, ['onUpdate', 'onWindowClose'])
    return windows.kind === 'session'
      ? new SessionWindowedStream(this.#group, windows, options)
      : new TimeWindowedStream(this.#group, windows, options)
  }

  /**
   * Begins one aggregate over several groups: each has an aggregator of its own for it. Source: Kafka Streams
   * `KGroupedStream.cogroup`.
   *
   * @example
   * ```ts
   * stream(orders)
   *   .groupByKey()
   *   .cogroup<number>((balance, { amount }) => balance - amount)
   *   .cogroup(stream(payments).groupByKey(), (balance, { amount }) => balance + amount)
   *   .aggregate('balance', () => 0)
   * ```
   */
  cogroup<A>(aggregator: (aggregate: A, value: V, key: K) => A | null): CogroupedStream<K, A, V> {
    return new CogroupedStream<K, A, never>().cogroup(this, aggregator)
  }

  #aggregate<A>(
    step: StepSpec,
    aggregation: Aggregation<K, V, A>,
    options: StoreOptions<A> | undefined,
  ): Table<K, A> {
    return aggregatedTable({ ...step, inputs: [{ group: this.#group, aggregation }], options })
  }
}

/** The table of an aggregation without windows. */
export function aggregatedTable<K, In, A>(
  step: StepSpec & {
    readonly inputs: readonly AggregationInput<K, In, Aggregation<K, In, A>>[]
    readonly options: StoreOptions<A> | undefined
  },
): Table<K, A> {
  const stage = aggregationStep({
    ...step,
    expands: false,
    store: keyValueStore<K, A>,
    operator: (aggregation, store, context) => aggregate({ aggregation, store }, context),
  })
  return new Table(stage, storedRows(stage.store, rowReader))
}

/** The aggregator starts from the initial value again after a deletion, so it never sees null. */
export function aggregationOf<K, V, A>(
  { initializer, aggregator }: AggregateSpec<K, V, A>,
  step: StepName = {},
): Aggregation<K, V, A> {
  required({ initializer, aggregator }, placeOf(step))
  return {
    initializer,
    aggregator: (aggregate, value, key) => aggregator(aggregate ?? initializer(), value, key),
  }
}
