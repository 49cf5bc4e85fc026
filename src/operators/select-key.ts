import type { OperatorFunction } from 'rxjs'
import type { Chunk } from '../records/chunk.ts'
import { ChunkBuilder } from './chunk-builder.ts'
import { chunkOperator, eachRecord, type OperatorContext, standalone } from './operator.ts'

/**
 * Gives each record a new key; value, timestamp and headers stay. Source: Kafka Streams `KStream.selectKey`.
 *
 * @example
 * ```ts
 * clicks$.pipe(selectKey(({ page }) => page))
 * ```
 */
export function selectKey<K, V, K2>(
  mapper: (value: V, key: K) => K2,
  context: OperatorContext = standalone(),
): OperatorFunction<Chunk<K, V>, Chunk<K2, V>> {
  return chunkOperator(() => (chunk) => {
    const out = new ChunkBuilder<K2, V>(chunk)
    eachRecord(context, chunk, (i, key, value) => out.push(i, mapper(value, key), value))
    return out.build()
  })
}
