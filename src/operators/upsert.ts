import type { OperatorFunction } from 'rxjs'
import type { Chunk, TableChunk } from '../records/chunk.ts'
import type { KeyValueStore } from '../state/key-value-store.ts'
import type { RowStore } from '../state/row-reader.ts'
import type { StoreSpec } from '../state/store.ts'
import { type PutResult, VersionedStore } from '../state/versioned-store.ts'
import { TableChunkBuilder } from './chunk-builder.ts'
import { chunkOperator, eachRecord, type OperatorContext, standalone } from './operator.ts'

/** Where the rows are. */
export interface UpsertOptions<K, V> {
  /** Absent: nobody looks rows up, so updates only pass. */
  readonly store?: StoreSpec<RowStore<K, V>>
}

/**
 * Reads records as updates of a table: a value replaces the row of its key, null deletes it. Every update is passed on,
 * out of order or not, with the value before it where there is a store. A null key is dropped; so is, as late, what is
 * older than the history of a versioned store. Source: Kafka Streams' `KTableSource`.
 *
 * @example
 * ```ts
 * const store = keyValueStore({ name: 'users', key: serdes.string, value: serdes.string })
 * users$.pipe(upsert({ store }))
 * ```
 */
export function upsert<K, V>(
  { store: spec }: UpsertOptions<K, V>,
  context: OperatorContext = standalone(),
): OperatorFunction<Chunk<K | null, V | null>, TableChunk<K, V>> {
  return chunkOperator(() => {
    const store = spec && context.store(spec)
    return (chunk) => {
      const out = new TableChunkBuilder<K, V>(chunk)
      eachRecord(context, chunk, (i, key, value, timestampMs) => {
        if (key === null) return context.drop(chunk, i, 'null-key')
        const oldValue = store?.get(key) ?? null
        const result = store ? put(store, key, value, timestampMs) : 'latest'
        if (result === 'too-old') return context.drop(chunk, i, 'late')
        out.update(i, key, value, oldValue, timestampMs, result === 'latest')
      })
      return out.build()
    }
  })
}

function put<K, V>(store: RowStore<K, V>, key: K, value: V | null, timestampMs: number): PutResult {
  if (store instanceof VersionedStore) return store.put(key, value, timestampMs)
  putRow(store, key, value, timestampMs)
  return 'latest'
}

/** Null is no row. */
export function putRow<K, V>(store: KeyValueStore<K, V>, key: K, value: V | null, timestampMs: number): void {
  if (value === null) store.delete(key, timestampMs)
  else store.put(key, value, timestampMs)
}
