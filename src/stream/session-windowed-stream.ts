import { counting, reduction, type SessionAggregation } from '../operators/aggregation.ts'
import type { SessionWindows } from '../windows/windows.ts'
import type { WindowStoreOptions } from './aggregation-step.ts'
import { type AggregateSpec, aggregationOf, type GroupedStream } from './grouped-stream.ts'
import { type Named, splitName } from './named.ts'
import { sessionAggregation, type WindowedByOptions } from './windowed-aggregation.ts'
import type { WindowedTable } from './windowed-table.ts'

/** As for other aggregations, and what two sessions become when a record joins them. */
export interface SessionAggregateSpec<K, V, A> extends AggregateSpec<K, V, A> {
  /** `a` began with the initial value, `b` is the aggregate of the next session. */
  readonly merger: (a: A, b: A, key: K) => A | null
}

/** Records grouped by key and by session. Source: Kafka Streams `SessionWindowedKStream`. */
export class SessionWindowedStream<K, V> {
  readonly #grouped: GroupedStream<K, V>
  readonly #windows: SessionWindows
  readonly #options: WindowedByOptions

  constructor(grouped: GroupedStream<K, V>, windows: SessionWindows, options: WindowedByOptions) {
    this.#grouped = grouped
    this.#windows = windows
    this.#options = options
  }

  /** How many records each session has. */
  count(...args: Named<[options?: WindowStoreOptions<number>]>): WindowedTable<K, number> {
    const {
      name,
      rest: [options],
    } = splitName(args)
    return this.#aggregate({ kind: 'count', ...name }, counting, options)
  }

  /** Combines the values of each session; the first one stands as it is. The reducer answers null to delete the session. */
  reduce(
    ...args: Named<[reducer: (aggregate: V, value: V) => V | null, options?: WindowStoreOptions<V>]>
  ): WindowedTable<K, V> {
    const {
      name,
      rest: [reducer, options],
    } = splitName(args)
    return this.#aggregate({ kind: 'reduce', ...name }, reduction(reducer), {
      value: this.#grouped.stage.value,
      ...options,
    })
  }

  /** Makes an aggregate of the values of each session. The aggregator answers null to delete the session. */
  aggregate<A>(
    ...args: Named<[spec: SessionAggregateSpec<K, V, A>, options?: WindowStoreOptions<A>]>
  ): WindowedTable<K, A> {
    const {
      name,
      rest: [spec, options],
    } = splitName(args)
    return this.#aggregate({ kind: 'aggregate', ...name }, sessionAggregationOf(spec), options)
  }

  #aggregate<A>(
    spec: { kind: string; name?: string },
    aggregation: SessionAggregation<K, V, A>,
    options: WindowStoreOptions<A> | undefined,
  ): WindowedTable<K, A> {
    return sessionAggregation({
      ...spec,
      inputs: [{ group: this.#grouped, aggregation }],
      options,
      windows: this.#windows,
      emit: this.#options.emit,
    })
  }
}

export function sessionAggregationOf<K, V, A>(
  spec: SessionAggregateSpec<K, V, A>,
): SessionAggregation<K, V, A> {
  return { ...aggregationOf(spec), merger: (a, b, key) => spec.merger(a ?? spec.initializer(), b, key) }
}
