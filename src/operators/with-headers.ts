import type { OperatorFunction } from 'rxjs'
import type { Chunk, Headers } from '../records/chunk.ts'
import { ChunkBuilder } from './chunk-builder.ts'
import { noHeaders } from './map-headers.ts'
import { chunkOperator, eachRecord, type OperatorContext, standalone } from './operator.ts'

/**
 * As `mapValues`, for a value that is made with what the record's headers say; the headers stay too. Source: Kafka
 * Streams `Record.headers`.
 *
 * @example
 * ```ts
 * clicks$.pipe(withHeaders(({ page }, headers) => ({ page, trace: lastHeader(headers, 'trace')?.toString() })))
 * ```
 */
export function withHeaders<K, V, W>(
  mapper: (value: V, headers: Headers, key: K) => W,
  context: OperatorContext = standalone(),
): OperatorFunction<Chunk<K, V>, Chunk<K, W>> {
  return chunkOperator(() => (chunk) => {
    const out = new ChunkBuilder<K, W>(chunk)
    eachRecord(context, chunk, (i, key, value) =>
      out.push(i, key, mapper(value, chunk.headers?.[i] ?? noHeaders, key)),
    )
    return out.build()
  })
}
