import { type Aggregation, counting, reduction } from '../operators/aggregation.ts'
import type { SlidingWindows, TimeWindows } from '../windows/windows.ts'
import type { WindowStoreOptions } from './aggregation-step.ts'
import { type AggregateSpec, aggregationOf, type GroupedStream } from './grouped-stream.ts'
import { type Named, splitName } from './named.ts'
import { type WindowedByOptions, windowedAggregation } from './windowed-aggregation.ts'
import type { WindowedTable } from './windowed-table.ts'

/** Records grouped by key and by tumbling, hopping or sliding window. Source: Kafka Streams `TimeWindowedKStream`. */
export class TimeWindowedStream<K, V> {
  readonly #grouped: GroupedStream<K, V>
  readonly #windows: TimeWindows | SlidingWindows
  readonly #options: WindowedByOptions

  constructor(
    grouped: GroupedStream<K, V>,
    windows: TimeWindows | SlidingWindows,
    options: WindowedByOptions,
  ) {
    this.#grouped = grouped
    this.#windows = windows
    this.#options = options
  }

  /** How many records each key has in each window. */
  count(...args: Named<[options?: WindowStoreOptions<number>]>): WindowedTable<K, number> {
    const {
      name,
      rest: [options],
    } = splitName(args)
    return this.#aggregate({ kind: 'count', ...name }, counting, options)
  }

  /** Combines the values of each key and window; the first one stands as it is. The reducer answers null to delete the window. */
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

  /** Makes an aggregate of the values of each key and window. The aggregator answers null to delete the window. */
  aggregate<A>(
    ...args: Named<[spec: AggregateSpec<K, V, A>, options?: WindowStoreOptions<A>]>
  ): WindowedTable<K, A> {
    const {
      name,
      rest: [spec, options],
    } = splitName(args)
    return this.#aggregate({ kind: 'aggregate', ...name }, aggregationOf(spec), options)
  }

  #aggregate<A>(
    spec: { kind: string; name?: string },
    aggregation: Aggregation<K, V, A>,
    options: WindowStoreOptions<A> | undefined,
  ): WindowedTable<K, A> {
    return windowedAggregation({
      ...spec,
      inputs: [{ group: this.#grouped, aggregation }],
      options,
      windows: this.#windows,
      emit: this.#options.emit,
    })
  }
}
