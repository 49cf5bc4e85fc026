import type { OperatorFunction } from 'rxjs'
import type { Chunk, Headers } from '../records/chunk.ts'
import { ChunkBuilder } from './chunk-builder.ts'
import { chunkOperator, eachRecord, type OperatorContext, standalone } from './operator.ts'

/** What a record without headers has. */
export const noHeaders: Headers = []

/**
 * Gives each record new headers, an empty list for none; key, value and timestamp stay. Source: Kafka Streams
 * `Record.withHeaders`.
 *
 * @example
 * ```ts
 * clicks$.pipe(mapHeaders((headers) => [...headers, ['seen-by', Buffer.from('shop')]]))
 * ```
 */
export function mapHeaders<K, V>(
  mapper: (headers: Headers, value: V, key: K) => Headers,
  context: OperatorContext = standalone(),
): OperatorFunction<Chunk<K, V>, Chunk<K, V>> {
  return chunkOperator(() => (chunk) => {
    const out = new ChunkBuilder<K, V>(chunk)
    eachRecord(context, chunk, (i, key, value, timestampMs) =>
      out.push(i, key, value, timestampMs, mapper(chunk.headers?.[i] ?? noHeaders, value, key)),
    )
    return out.build()
  })
}
