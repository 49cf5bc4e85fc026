import type { OperatorFunction } from 'rxjs'
import type { Chunk } from '../records/chunk.ts'
import { chunkOperator, eachRecord, type OperatorContext, standalone } from './operator.ts'

/**
 * Shows each record to the callback and passes it on unchanged. Source: Kafka Streams `KStream.peek`.
 *
 * @example
 * ```ts
 * clicks$.pipe(peek(({ page }, user) => console.log(user, page)))
 * ```
 */
export function peek<K, V>(
  action: (value: V, key: K) => void,
  context: OperatorContext = standalone(),
): OperatorFunction<Chunk<K, V>, Chunk<K, V>> {
  return chunkOperator(() => (chunk) => {
    eachRecord(context, chunk, (_, key, value) => action(value, key))
    return chunk
  })
}
