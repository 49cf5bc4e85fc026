import { oneOf, required } from '../checked.ts'
import type { Windows } from '../windows/custom-windows.ts'
import type { SessionWindows, SlidingWindows, TimeWindows } from '../windows/windows.ts'
import type { AggregationInput } from './aggregation-step.ts'
import type { Group } from './group.ts'
import { aggregatedTable, aggregationOf, type GroupedStream } from './grouped-stream.ts'
import { type Named, splitName } from './named.ts'
import { sessionAggregationOf } from './session-windowed-stream.ts'
import type { StoreOptions, WindowedStoreOptions } from './store-options.ts'
import type { Table, WindowedTable } from './table.ts'
import { sessionAggregation, windowedAggregation } from './windowed-aggregation.ts'

/** One group, and what its values do to the aggregate that all groups share. */
interface Member<K, In, A> {
  readonly group: Group<K, In>
  /** A method, so that groups of several types of value stand side by side: each gets values of its own group only. */
  aggregator(aggregate: A, value: In, key: K): A | null
}

/**
 * Groups of several streams, with the same kind of key, that make one aggregate: each with an aggregator of its own.
 * `In`: the values of all of them.
 * Source: Kafka Streams `CogroupedKStream`.
 */
export class CogroupedStream<K, A, In> {
  readonly #members: readonly Member<K, In, A>[]

  /** @internal */
  constructor(members: readonly Member<K, In, A>[] = []) {
    this.#members = members
  }

  /**
   * Adds another group: the same aggregate, with an aggregator for the values of this one. It answers null to delete
   * the row.
   */
  cogroup<V>(
    group: GroupedStream<K, V>,
    aggregator: (aggregate: A, value: V, key: K) => A | null,
  ): CogroupedStream<K, A, In | V> {
    required({ group, aggregator })
    return new CogroupedStream<K, A, In | V>([...this.#members, { group: group.group, aggregator }])
  }

  /**
   * The aggregate of each key, which begins with what the initializer answers. Source: Kafka Streams
   * `CogroupedKStream.aggregate`.
   */
  aggregate(...args: Named<[initializer: () => A, options?: StoreOptions<A>]>): Table<K, A> {
    const [name, initializer, options] = splitName(args, 'initializer')
    const inputs = inputsOf(this.#members, (aggregator) => aggregationOf({ initializer, aggregator }))
    return aggregatedTable({ kind: 'aggregate', ...name, inputs, options })
  }

  /** One aggregate for each key and window. Emits on update, as Kafka Streams' cogroups do. */
  windowedBy(windows: TimeWindows | SlidingWindows | Windows): TimeWindowedCogroup<K, A, In>
  /** One aggregate for each session of a key. Emits on update, as Kafka Streams' cogroups do. */
  windowedBy(windows: SessionWindows): SessionWindowedCogroup<K, A, In>
  windowedBy(
    windows: TimeWindows | SlidingWindows | Windows | SessionWindows,
  ): TimeWindowedCogroup<K, A, In> | SessionWindowedCogroup<K, A, In> {
    required({ windows })
    oneOf({ 'windows.kind': windows.kind }, ['time', 'sliding', 'custom', 'session'])
    return windows.kind === 'session'
      ? new SessionWindowedCogroup(this.#members, windows)
      : new TimeWindowedCogroup(this.#members, windows)
  }
}

/**
 * Groups of several streams, by tumbling, hopping or sliding window. Source: Kafka Streams
 * `TimeWindowedCogroupedKStream`.
 */
export class TimeWindowedCogroup<K, A, In> {
  readonly #members: readonly Member<K, In, A>[]
  readonly #windows: TimeWindows | SlidingWindows | Windows

  /** @internal */
  constructor(members: readonly Member<K, In, A>[], windows: TimeWindows | SlidingWindows | Windows) {
    this.#members = members
    this.#windows = windows
  }

  /** The aggregate of each key and window. */
  aggregate(
    ...args: Named<[initializer: () => A, options?: WindowedStoreOptions<A>]>
  ): WindowedTable<K, A, In> {
    const [name, initializer, options] = splitName(args, 'initializer')
    const inputs = inputsOf(this.#members, (aggregator) => aggregationOf({ initializer, aggregator }))
    return windowedAggregation({ kind: 'aggregate', ...name, inputs, options, windows: this.#windows })
  }
}

/** Groups of several streams, by session. Source: Kafka Streams `SessionWindowedCogroupedKStream`. */
export class SessionWindowedCogroup<K, A, In> {
  readonly #members: readonly Member<K, In, A>[]
  readonly #windows: SessionWindows

  /** @internal */
  constructor(members: readonly Member<K, In, A>[], windows: SessionWindows) {
    this.#members = members
    this.#windows = windows
  }

  /** The aggregate of each session; the merger makes one of two that a record joins. */
  aggregate(
    ...args: Named<
      [initializer: () => A, merger: (a: A, b: A, key: K) => A | null, options?: WindowedStoreOptions<A>]
    >
  ): WindowedTable<K, A, In> {
    const [name, initializer, merger, options] = splitName(args, 'initializer', 'merger')
    const inputs = inputsOf(this.#members, (aggregator) =>
      sessionAggregationOf({ initializer, aggregator, merger }),
    )
    return sessionAggregation({ kind: 'aggregate', ...name, inputs, options, windows: this.#windows })
  }
}

/** What each group does to the aggregate, once it is known how that begins. */
function inputsOf<K, In, A, G>(
  members: readonly Member<K, In, A>[],
  toAggregation: (aggregator: Member<K, In, A>['aggregator']) => G,
): readonly AggregationInput<K, In, G>[] {
  return members.map(({ group, aggregator }) => ({ group, aggregation: toAggregation(aggregator) }))
}
