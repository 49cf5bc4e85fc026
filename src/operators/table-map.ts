import type { OperatorFunction } from 'rxjs'
import type { TableChunk } from '../records/chunk.ts'
import type { KeyValueStore } from '../state/key-value-store.ts'
import type { StoreSpec } from '../state/store.ts'
import { TableChunkBuilder } from './chunk-builder.ts'
import { chunkOperator, eachUpdate, type OperatorContext, standalone } from './operator.ts'
import { putRow } from './upsert.ts'

/** What becomes of a row, and what is sent of that. */
export interface TableMapOptions<K, V, W> {
  /** Answers null for no row; it is not called where there is none. */
  readonly mapper: (value: V, key: K) => W | null
  /** Whether updates carry the old value, mapped or from the step's own store. */
  readonly sendsOldValues: boolean
  /** Whether a change from no row to no row is left out, where the old value is known: a filter's tombstones. */
  readonly skipsNothing: boolean
  /** Keeps the results; absent: nobody looks them up here. */
  readonly store?: StoreSpec<KeyValueStore<K, W>>
}

/**
 * Makes each row of one row: `mapValues` and, with a mapper that answers the value or null, `filter`. A deletion stays
 * one. Source: Kafka Streams' `KTableMapValues` and `KTableFilter`.
 *
 * @example
 * ```ts
 * const mapper = (name: string) => name.toUpperCase()
 * updates$.pipe(tableMap({ mapper, sendsOldValues: true, skipsNothing: false }))
 * ```
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
      eachUpdate(context, chunk, (i, key, input, oldInput, timestampMs) => {
        const value = map(input, key)
        const known = store ? (store.get(key) ?? null) : map(oldInput, key)
        const oldValue = sendsOldValues ? known : null
        if (skipsNothing && sendsOldValues && value === null && oldValue === null) return
        if (store) putRow(store, key, value, timestampMs)
        out.update(i, key, value, oldValue, timestampMs, chunk.latest?.[i])
      })
      return out.build()
    }
  })
}
