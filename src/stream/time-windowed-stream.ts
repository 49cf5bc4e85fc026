import type { Aggregation } from '../operators/aggregation.ts'
import type { Windows } from '../windows/custom-windows.ts'
import type { SlidingWindows, TimeWindows } from '../windows/windows.ts'
import type { Group } from './group.ts'
import { type AggregateSpec, aggregationOf } from './grouped-stream.ts'
import { type Named, type StepSpec, splitName } from './named.ts'
import type { WindowedStoreOptions } from './store-options.ts'
import type { WindowedTable } from './table.ts'
import { type WindowedByOptions, windowedAggregation } from './windowed-aggregation.ts'
import { WindowedStream } from './windowed-stream.ts'

/** Records grouped by key and by tumbling, hopping or sliding window. Source: Kafka Streams `TimeWindowedKStream`. */
export class TimeWindowedStream<K, V> extends WindowedStream<K, V> {
  readonly #windows: TimeWindows | SlidingWindows | Windows
  readonly #options: WindowedByOptions

  /** @internal */
  constructor(
    group: Group<K, V>,
    windows: TimeWindows | SlidingWindows | Windows,
    options: WindowedByOptions,
  ) {
    super(group)
    this.#windows = windows
    this.#options = options
  }

  /**
   * Makes an aggregate of the values of each key and window. The aggregator answers null to delete the window.
   *
   * @example
   * ```ts
   * stream(orders)
   *   .groupByKey()
   *   .windowedBy(hopping({ sizeMs: 3_600_000, advanceMs: 60_000 }))
   *   .aggregate('revenue of the last hour', {
   *     initializer: () => 0,
   *     aggregator: (sum, { amount }) => sum + amount,
   *   })
   * ```
   */
  aggregate<A>(
    ...args: Named<[spec: AggregateSpec<K, V, A>, options?: WindowedStoreOptions<A>]>
  ): WindowedTable<K, A, V> {
    const [name, spec, options] = splitName(args, 'spec')
    return this.aggregated({ kind: 'aggregate', ...name }, aggregationOf(spec, name), options)
  }

  /** @internal */
  protected override aggregated<A>(
    step: StepSpec,
    aggregation: Aggregation<K, V, A>,
    options: WindowedStoreOptions<A> | undefined,
  ): WindowedTable<K, A, V> {
    const inputs = [{ group: this.group, aggregation }]
    return windowedAggregation({ ...this.#options, ...step, inputs, options, windows: this.#windows })
  }
}
