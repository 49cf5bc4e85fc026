import type { OperatorFunction } from 'rxjs'
import type { Chunk } from '../records/chunk.ts'
import { ChunkBuilder } from './chunk-builder.ts'
import { chunkOperator, eachRecord, type OperatorContext, standalone } from './operator.ts'

/**
 * Keeps the records for which the predicate holds. Source: Kafka Streams `KStream.filter`.
 *
 * @example
 * ```ts
 * clicks$.pipe(filter(({ page }) => page !== '/'))
 * ```
 */
export function filter<K, V>(
  predicate: (value: V, key: K) => boolean,
  context: OperatorContext = standalone(),
): OperatorFunction<Chunk<K, V>, Chunk<K, V>> {
  return chunkOperator(() => (chunk) => {
    const out = new ChunkBuilder<K, V>(chunk)
    eachRecord(context, chunk, (i, key, value) => {
      if (predicate(value, key)) out.push(i, key, value)
    })
    // Where all pass, the chunk itself does, with columns that nobody has copied.
    return out.length === chunk.keys.length ? chunk : out.build()
  })
}
