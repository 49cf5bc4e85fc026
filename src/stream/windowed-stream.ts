import { counting, reduction, type SessionAggregation } from '../operators/aggregation.ts'
import type { Group } from './group.ts'
import { type Named, type StepSpec, splitName } from './named.ts'
import type { WindowedStoreOptions } from './store-options.ts'
import type { WindowedTable } from './table.ts'

/** What can be made of the records of a key's windows, whatever kind of windows they are. */
export abstract class WindowedStream<K, V> {
  /** @internal */
  protected readonly group: Group<K, V>

  /** @internal */
  constructor(group: Group<K, V>) {
    this.group = group
  }

  /**
   * How many records each window of each key has.
   *
   * @example
   * ```ts
   * const perMinute = stream(clicks)
   *   .groupByKey()
   *   .windowedBy(tumbling({ sizeMs: 60_000 }))
   *   .count('clicks per minute')
   * perMinute.toStream((_count, { key }) => key)
   * ```
   */
  count(...args: Named<[options?: WindowedStoreOptions<number>]>): WindowedTable<K, number, V> {
    const [name, options] = splitName(args)
    return this.aggregated({ kind: 'count', ...name }, counting, options)
  }

  /**
   * Combines the values of each key and window; the first one stands as it is. The reducer answers null to delete the
   * window.
   *
   * @example
   * ```ts
   * stream(orders)
   *   .groupByKey()
   *   .windowedBy(tumbling({ sizeMs: 86_400_000 }))
   *   .reduce('largest order of the day', (a, b) => (a.amount > b.amount ? a : b))
   * ```
   */
  reduce(
    ...args: Named<[reducer: (aggregate: V, value: V) => V | null, options?: WindowedStoreOptions<V>]>
  ): WindowedTable<K, V, V> {
    const [name, reducer, options] = splitName(args, 'reducer')
    const { value } = this.group.stage
    return this.aggregated({ kind: 'reduce', ...name }, reduction(reducer), { value, ...options })
  }

  /** @internal The aggregation can merge sessions; where windows never merge, nobody asks it to. */
  protected abstract aggregated<A>(
    step: StepSpec,
    aggregation: SessionAggregation<K, V, A>,
    options: WindowedStoreOptions<A> | undefined,
  ): WindowedTable<K, A, V>
}
