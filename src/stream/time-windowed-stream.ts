import { type Aggregation, counting, reduction } from '../operators/aggregation.ts'
import { windowAggregate } from '../operators/window-aggregate.ts'
import { serdes } from '../serdes/serdes.ts'
import { windowedSerde } from '../serdes/windowed-serde.ts'
import { windowStore } from '../state/window-store.ts'
import type { TimeWindows } from '../windows/windows.ts'
import { untyped } from './builder.ts'
import { type AggregateSpec, aggregationOf, type GroupedStream, type StoreOptions } from './grouped-stream.ts'
import { type Named, splitName } from './named.ts'
import { WindowedTable } from './windowed-table.ts'

export interface WindowStoreOptions<A> extends StoreOptions<A> {
  /** How long a window may be found in the store; default: size + grace. */
  readonly retentionMs?: number
}

/** Records grouped by key and by tumbling or hopping window. Source: Kafka Streams `TimeWindowedKStream`. */
export class TimeWindowedStream<K, V> {
  readonly #grouped: GroupedStream<K, V>
  readonly #windows: TimeWindows

  constructor(grouped: GroupedStream<K, V>, windows: TimeWindows) {
    this.#grouped = grouped
    this.#windows = windows
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
    options: WindowStoreOptions<A> = {},
  ): WindowedTable<K, A> {
    const windows = this.#windows
    const { graph } = this.#grouped.stage.builder
    const name = spec.name ?? options.store ?? graph.freeName(spec.kind)
    const { builder, port, key } = this.#grouped.partitioned(name)
    const value = options.value ?? serdes.json<A>()
    const retentionMs = options.retentionMs ?? windows.sizeMs + windows.graceMs
    const store = windowStore({
      name: options.store ?? name,
      key,
      value,
      sizeMs: windows.sizeMs,
      retentionMs,
    })
    const derived = graph.add({
      type: 'operator',
      kind: spec.kind,
      name,
      inputs: [port],
      stores: [store],
      expands: windows.advanceMs < windows.sizeMs,
      stateless: false,
      connect: (context) => [untyped(windowAggregate({ windows, aggregation, store }, context))],
    })
    const stage = { builder, port: derived, key: windowedSerde(key), value, rekeyed: false }
    return new WindowedTable(stage, { closesMs: windows.graceMs })
  }
}
