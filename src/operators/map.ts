import type { OperatorFunction } from 'rxjs'
import type { Chunk } from '../records/chunk.ts'
import { ChunkBuilder } from './chunk-builder.ts'
import { chunkOperator, eachRecord, type OperatorContext, standalone } from './operator.ts'

/**
 * Gives each record a new key and a new value; timestamp and headers stay. Source: Kafka Streams `KStream.map`.
 *
 * @example
 * ```ts
 * clicks$.pipe(map(({ page }, user) => [page, user]))
 * ```
 */
export function map<K, V, K2, V2>(
  mapper: (value: V, key: K) => readonly [key: K2, value: V2],
  context: OperatorContext = standalone(),
): OperatorFunction<Chunk<K, V>, Chunk<K2, V2>> {
  return chunkOperator(() => (chunk) => {
    const out = new ChunkBuilder<K2, V2>(chunk)
    eachRecord(context, chunk, (i, key, value) => {
      const record = mapper(value, key)
      out.push(i, record[0], record[1])
    })
    return out.build()
  })
}
