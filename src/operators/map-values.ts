import type { OperatorFunction } from 'rxjs'
import type { Chunk } from '../records/chunk.ts'
import { ChunkBuilder } from './chunk-builder.ts'
import { chunkOperator, eachRecord, type OperatorContext, standalone } from './operator.ts'

/**
 * Gives each record a new value; key, timestamp and headers stay. Source: Kafka Streams `KStream.mapValues`.
 *
 * @example
 * ```ts
 * clicks$.pipe(mapValues(({ page }) => page.length))
 * ```
 */
export function mapValues<K, V, W>(
  mapper: (value: V, key: K) => W,
  context: OperatorContext = standalone(),
): OperatorFunction<Chunk<K, V>, Chunk<K, W>> {
  return chunkOperator(() => (chunk) => {
    const out = new ChunkBuilder<K, W>(chunk)
    eachRecord(context, chunk, (i, key, value) => out.push(i, key, mapper(value, key)))
    return out.build()
  })
}
