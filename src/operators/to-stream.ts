import type { OperatorFunction } from 'rxjs'
import type { Chunk, TableChunk } from '../records/chunk.ts'
import { chunkOperator } from './operator.ts'

/**
 * The table's updates as records: old values are forgotten. Source: Kafka Streams `KTable.toStream`.
 *
 * @example
 * ```ts
 * users$.pipe(upsert({ store: users }), toStream())
 * ```
 */
export function toStream<K, V>(): OperatorFunction<TableChunk<K, V>, Chunk<K, V | null>> {
  return chunkOperator(() => ({ topic, partition, keys, values, timestampsMs, offsets, headers }) => {
    const chunk = { topic, partition, keys, values, timestampsMs, offsets }
    return headers ? { ...chunk, headers } : chunk
  })
}
