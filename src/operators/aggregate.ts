import type { OperatorFunction } from 'rxjs'
import type { Chunk, TableChunk } from '../records/chunk.ts'
import type { KeyValueStore } from '../state/key-value-store.ts'
import type { StoreSpec } from '../state/store.ts'
import type { Aggregation } from './aggregation.ts'
import { TableChunkBuilder } from './chunk-builder.ts'
import { chunkOperator, eachRecord, type OperatorContext, standalone } from './operator.ts'

/** What is aggregated, and where the rows are. */
export interface AggregateOptions<K, V, A> {
  /** How values become an aggregate. */
  readonly aggregation: Aggregation<NoInfer<K>, V, A>
  /** The rows; each context has its own. */
  readonly store: StoreSpec<KeyValueStore<K, A>>
}

/**
 * Aggregates the records of each key, and emits the row after each one. Its timestamp is the largest so far. Records
 * with a null key or a null value are dropped. Source: Kafka Streams `KGroupedStream.aggregate`.
 *
 * @example
 * ```ts
 * const store = keyValueStore({ name: 'clicks by user', key: serdes.string, value: serdes.long })
 * clicks$.pipe(aggregate({ aggregation: counting, store }))
 * ```
 */
export function aggregate<K, V, A>(
  { aggregation, store: spec }: AggregateOptions<K, V, A>,
  context: OperatorContext = standalone(),
): OperatorFunction<Chunk<K | null, V>, TableChunk<K, A>> {
  return chunkOperator(() => {
    const store = context.store(spec)
    return (chunk) => {
      const out = new TableChunkBuilder<K, A>(chunk)
      eachRecord(context, chunk, (i, key, value, recordMs) => {
        if (key === null) return context.drop(chunk, i, 'null-key')
        if (value === null) return context.drop(chunk, i, 'null-value')
        const row = store.entry(key)
        const timestampMs = Math.max(recordMs, row?.timestampMs ?? 0)
        // Kafka Streams too sends the initial value as the old value of the first update.
        const oldValue = row?.value ?? aggregation.initializer()
        const newValue = aggregation.aggregator(oldValue, value, key)
        if (newValue === null) store.delete(key, timestampMs)
        else store.put(key, newValue, timestampMs)
        out.update(i, key, newValue, oldValue, timestampMs)
      })
      return out.build()
    }
  })
}
