import { required } from '../checked.ts'
import type { SessionAggregation } from '../operators/aggregation.ts'
import type { SessionWindows } from '../windows/windows.ts'
import type { Group } from './group.ts'
import { type AggregateSpec, aggregationOf } from './grouped-stream.ts'
import { type Named, placeOf, type StepName, type StepSpec, splitName } from './named.ts'
import type { WindowedStoreOptions } from './store-options.ts'
import type { WindowedTable } from './table.ts'
import { sessionAggregation, type WindowedByOptions } from './windowed-aggregation.ts'
import { WindowedStream } from './windowed-stream.ts'

/** As for other aggregations, and what two sessions become when a record joins them. */
export interface SessionAggregateSpec<K, V, A> extends AggregateSpec<K, V, A> {
  /** `a` began with the initial value, `b` is the aggregate of the next session. */
  readonly merger: (a: A, b: A, key: K) => A | null
}

/** Records grouped by key and by session. Source: Kafka Streams `SessionWindowedKStream`. */
export class SessionWindowedStream<K, V> extends WindowedStream<K, V> {
  readonly #windows: SessionWindows
  readonly #options: WindowedByOptions

  /** @internal */
  constructor(group: Group<K, V>, windows: SessionWindows, options: WindowedByOptions) {
    super(group)
    this.#windows = windows
    this.#options = options
  }

  /**
   * Makes an aggregate of the values of each session. The aggregator answers null to delete the session.
   *
   * @example
   * ```ts
   * stream(clicks)
   *   .groupByKey()
   *   .windowedBy(session({ gapMs: 1_800_000, graceMs: 60_000 }))
   *   .aggregate('pages of a visit', {
   *     initializer: (): readonly string[] => [],
   *     aggregator: (pages, { page }) => [...pages, page],
   *     merger: (earlier, later) => [...earlier, ...later],
   *   })
   * ```
   */
  aggregate<A>(
    ...args: Named<[spec: SessionAggregateSpec<K, V, A>, options?: WindowedStoreOptions<A>]>
  ): WindowedTable<K, A, V> {
    const [name, spec, options] = splitName(args, 'spec')
    return this.aggregated({ kind: 'aggregate', ...name }, sessionAggregationOf(spec, name), options)
  }

  /** @internal */
  protected override aggregated<A>(
    step: StepSpec,
    aggregation: SessionAggregation<K, V, A>,
    options: WindowedStoreOptions<A> | undefined,
  ): WindowedTable<K, A, V> {
    const inputs = [{ group: this.group, aggregation }]
    return sessionAggregation({ ...this.#options, ...step, inputs, options, windows: this.#windows })
  }
}

export function sessionAggregationOf<K, V, A>(
  spec: SessionAggregateSpec<K, V, A>,
  step: StepName = {},
): SessionAggregation<K, V, A> {
  required({ merger: spec.merger }, placeOf(step))
  return { ...aggregationOf(spec, step), merger: (a, b, key) => spec.merger(a ?? spec.initializer(), b, key) }
}
