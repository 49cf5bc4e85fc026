import type { SessionWindows, SlidingWindows, TimeWindows } from '../windows/windows.ts'
import type { AggregationInput, WindowStoreOptions } from './aggregation-step.ts'
import { aggregatedTable, aggregationOf, type GroupedStream, type StoreOptions } from './grouped-stream.ts'
import { type Named, splitName } from './named.ts'
import { sessionAggregationOf } from './session-windowed-stream.ts'
import type { Table } from './table.ts'
import { sessionAggregation, windowedAggregation } from './windowed-aggregation.ts'
import type { WindowedTable } from './windowed-table.ts'

/** Of one group: what its values do to the aggregate that all groups share. */
type Aggregator<K, A> = (aggregate: A, value: unknown, key: K) => A | null

type Groups<K, A> = readonly AggregationInput<K, Aggregator<K, A>>[]

/**
 * Groups of several streams, with the same kind of key, that make one aggregate: each with an aggregator of its own.
 * Source: Kafka Streams `CogroupedKStream`.
 */
export class CogroupedStream<K, A> {
  readonly #groups: Groups<K, A>

  constructor(groups: Groups<K, A>) {
    this.#groups = groups
  }

  /** Adds another group. */
  cogroup<V>(
    group: GroupedStream<K, V>,
    aggregator: (aggregate: A, value: V, key: K) => A | null,
  ): CogroupedStream<K, A> {
    return new CogroupedStream([...this.#groups, inputOf(group, aggregator)])
  }

  /** The aggregate of each key. */
  aggregate(...args: Named<[initializer: () => A, options?: StoreOptions<A>]>): Table<K, A> {
    const {
      name,
      rest: [initializer, options],
    } = splitName(args)
    const inputs = this.#groups.map(({ group, aggregation: aggregator }) => ({
      group,
      aggregation: aggregationOf({ initializer, aggregator }),
    }))
    return aggregatedTable({ kind: 'aggregate', ...name, inputs, options })
  }

  /** One aggregate for each key and window. Emits on update, as Kafka Streams' cogroups do. */
  windowedBy(windows: TimeWindows | SlidingWindows): TimeWindowedCogroup<K, A>
  windowedBy(windows: SessionWindows): SessionWindowedCogroup<K, A>
  windowedBy(
    windows: TimeWindows | SlidingWindows | SessionWindows,
  ): TimeWindowedCogroup<K, A> | SessionWindowedCogroup<K, A> {
    return windows.kind === 'session'
      ? new SessionWindowedCogroup(this.#groups, windows)
      : new TimeWindowedCogroup(this.#groups, windows)
  }
}

/** Source: Kafka Streams `TimeWindowedCogroupedKStream`. */
export class TimeWindowedCogroup<K, A> {
  readonly #groups: Groups<K, A>
  readonly #windows: TimeWindows | SlidingWindows

  constructor(groups: Groups<K, A>, windows: TimeWindows | SlidingWindows) {
    this.#groups = groups
    this.#windows = windows
  }

  /** The aggregate of each key and window. */
  aggregate(...args: Named<[initializer: () => A, options?: WindowStoreOptions<A>]>): WindowedTable<K, A> {
    const {
      name,
      rest: [initializer, options],
    } = splitName(args)
    const inputs = this.#groups.map(({ group, aggregation: aggregator }) => ({
      group,
      aggregation: aggregationOf({ initializer, aggregator }),
    }))
    const windows = this.#windows
    return windowedAggregation({ kind: 'aggregate', ...name, inputs, options, windows, emit: 'onUpdate' })
  }
}

/** Source: Kafka Streams `SessionWindowedCogroupedKStream`. */
export class SessionWindowedCogroup<K, A> {
  readonly #groups: Groups<K, A>
  readonly #windows: SessionWindows

  constructor(groups: Groups<K, A>, windows: SessionWindows) {
    this.#groups = groups
    this.#windows = windows
  }

  /** The aggregate of each session; the merger makes one of two that a record joins. */
  aggregate(
    ...args: Named<
      [initializer: () => A, merger: (a: A, b: A, key: K) => A | null, options?: WindowStoreOptions<A>]
    >
  ): WindowedTable<K, A> {
    const {
      name,
      rest: [initializer, merger, options],
    } = splitName(args)
    const inputs = this.#groups.map(({ group, aggregation: aggregator }) => ({
      group,
      aggregation: sessionAggregationOf({ initializer, aggregator, merger }),
    }))
    const windows = this.#windows
    return sessionAggregation({ kind: 'aggregate', ...name, inputs, options, windows, emit: 'onUpdate' })
  }
}

/** Written as a method, so that groups of several types of value stand side by side. */
function inputOf<K, V, A>(
  group: GroupedStream<K, V>,
  aggregator: (aggregate: A, value: V, key: K) => A | null,
): AggregationInput<K, Aggregator<K, A>> {
  const input: { aggregator(aggregate: A, value: V, key: K): A | null } = { aggregator }
  const erased: { aggregator(aggregate: A, value: unknown, key: K): A | null } = input
  return { group, aggregation: (aggregate, value, key) => erased.aggregator(aggregate, value, key) }
}
