import type { OperatorFunction } from 'rxjs'
import type { Chunk } from '../records/chunk.ts'
import { ChunkBuilder } from './chunk-builder.ts'
import { chunkOperator, eachRecord, type OperatorContext, standalone } from './operator.ts'

/**
 * Makes any number of values of each one, in order; key, timestamp and headers stay. Source: Kafka Streams
 * `KStream.flatMapValues`.
 *
 * @example
 * ```ts
 * clicks$.pipe(flatMapValues(({ page }) => page.split('/')))
 * ```
 */
export function flatMapValues<K, V, W>(
  mapper: (value: V, key: K) => Iterable<W>,
  context: OperatorContext = standalone(),
): OperatorFunction<Chunk<K, V>, Chunk<K, W>> {
  return chunkOperator(() => (chunk) => {
    const out = new ChunkBuilder<K, W>(chunk)
    eachRecord(context, chunk, (i, key, value) => {
      for (const newValue of mapper(value, key)) out.push(i, key, newValue)
    })
    return out.build()
  })
}
