import type { OperatorFunction } from 'rxjs'
import type { TableChunk } from '../records/chunk.ts'
import type { KeyValueStore } from '../state/key-value-store.ts'
import type { StoreSpec } from '../state/store.ts'
import { TableChunkBuilder } from './chunk-builder.ts'
import { chunkOperator, eachRecord, type OperatorContext, standalone } from './operator.ts'
import { putRow } from './upsert.ts'

export interface TableMapOptions<K, V, W> {
  /** Answers null for no row; it is not called where there is none. */
  readonly mapper: (value: V, key: K) => W | null
  /** Whether updates carry the old value, mapped or from the step's own store. */
  readonly sendsOldValues: boolean
  /** Whether a change from no row to no row is left out, where the old value is known: a filter's tombstones. */
  readonly skipsNothing: boolean
  readonly store?: StoreSpec<KeyValueStore<K, W>>
}

/**
 * Makes each row of one row: `mapValues` and, with a mapper that answers the value or null, `filter`. A deletion stays
 * one. Source: Kafka Streams' `KTableMapValues` and `KTableFilter`.
 */
export function tableMap<K, V, W>(
  { mapper, sendsOldValues, skipsNothing, store: spec }: TableMapOptions<K, V, W>,
  context: OperatorContext = standalone(),
): OperatorFunction<TableChunk<K, V>, TableChunk<K, W>> {
  const map = (value: V | null, key: K): W | null => (value === null ? null : mapper(value, key))
  return chunkOperator(() => {
    const store = spec && context.store(spec)
    return (chunk) => {
      const out = new TableChunkBuilder<K, W>(chunk)
      eachRecord(context, chunk, (i) => {
        const key = chunk.keys[i] as K
        const value = map(chunk.values[i] as V | null, key)
        const known = store ? (store.get(key) ?? null) : map(chunk.oldValues[i] as V | null, key)
        const oldValue = sendsOldValues ? known : null
        if (skipsNothing && sendsOldValues && value === null && oldValue === null) return
        const timestampMs = chunk.timestampsMs[i] as number
        if (store) putRow(store, key, value, timestampMs)
        out.update(i, key, value, oldValue, timestampMs, chunk.latest?.[i])
      })
      return out.build()
    }
  })
}
