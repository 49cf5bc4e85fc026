import type { OperatorFunction } from 'rxjs'
import type { Chunk } from '../records/chunk.ts'
import { ChunkBuilder } from './chunk-builder.ts'
import { chunkOperator, eachRecord, type OperatorContext, standalone } from './operator.ts'

/**
 * Makes any number of records of each one, in order; timestamp and headers stay. Source: Kafka Streams
 * `KStream.flatMap`.
 *
 * @example
 * ```ts
 * clicks$.pipe(flatMap(({ page }, user) => [[page, user], [user, page]]))
 * ```
 */
export function flatMap<K, V, K2, V2>(
  mapper: (value: V, key: K) => Iterable<readonly [key: K2, value: V2]>,
  context: OperatorContext = standalone(),
): OperatorFunction<Chunk<K, V>, Chunk<K2, V2>> {
  return chunkOperator(() => (chunk) => {
    const out = new ChunkBuilder<K2, V2>(chunk)
    eachRecord(context, chunk, (i, key, value) => {
      for (const [newKey, newValue] of mapper(value, key)) out.push(i, newKey, newValue)
    })
    return out.build()
  })
}
