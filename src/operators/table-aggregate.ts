import type { OperatorFunction } from 'rxjs'
import type { Change } from '../records/change.ts'
import type { Chunk, TableChunk } from '../records/chunk.ts'
import type { KeyValueStore } from '../state/key-value-store.ts'
import type { StoreSpec } from '../state/store.ts'
import { TableChunkBuilder } from './chunk-builder.ts'
import { chunkOperator, eachRecord, type OperatorContext, standalone } from './operator.ts'
import { putRow } from './upsert.ts'

/** How a group's aggregate follows the rows in it. Null is no aggregate, and deletes the group's row. */
export interface TableAggregation<K, V, A> {
  /** What a value makes of the aggregate; null: it is the first one in. */
  readonly add: (aggregate: A | null, value: V, key: K) => A | null
  /** What is left of the aggregate without a value; null: nothing. */
  readonly subtract: (aggregate: A, value: V, key: K) => A | null
}

/** What is aggregated, and where the groups' rows are. */
export interface TableAggregateOptions<K, V, A> {
  /** How an aggregate follows the rows of its group. */
  readonly aggregation: TableAggregation<K, V, A>
  /** The groups' rows. */
  readonly store: StoreSpec<KeyValueStore<K, A>>
}

/**
 * Aggregates the rows of each group: subtracts what leaves, adds what enters, and emits the group's row once for each
 * change, with the largest timestamp so far. From a group without an aggregate nothing is subtracted. Source: Kafka
 * Streams `KGroupedTable.aggregate`.
 *
 * @example
 * ```ts
 * const aggregation: TableAggregation<string, unknown, number> = {
 *   add: (count) => (count ?? 0) + 1,
 *   subtract: (count) => count - 1,
 * }
 * changes$.pipe(tableAggregate({ aggregation, store: counts }))
 * ```
 */
export function tableAggregate<K, V, A>(
  { aggregation: { add, subtract }, store: spec }: TableAggregateOptions<K, V, A>,
  context: OperatorContext = standalone(),
): OperatorFunction<Chunk<K, Change<V>>, TableChunk<K, A>> {
  return chunkOperator(() => {
    const store = context.store(spec)
    return (chunk) => {
      const out = new TableChunkBuilder<K, A>(chunk)
      eachRecord(context, chunk, (i, key, { oldValue, newValue }, recordMs) => {
        const row = store.entry(key)
        const before = row?.value ?? null
        const timestampMs = Math.max(recordMs, row?.timestampMs ?? 0)
        const without = oldValue !== null && before !== null ? subtract(before, oldValue, key) : before
        const after = newValue === null ? without : add(without, newValue, key)
        putRow(store, key, after, timestampMs)
        out.update(i, key, after, before, timestampMs)
      })
      return out.build()
    }
  })
}
