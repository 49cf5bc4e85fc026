import { concatMap, type OperatorFunction, of } from 'rxjs'
import type { Chunk, TableChunk } from '../records/chunk.ts'

/**
 * Cuts chunks into single records. Where paths meet again, or read what the same task writes, each record must go
 * through alone, depth first, as in Kafka Streams; elsewhere nothing is cut.
 *
 * @example
 * ```ts
 * clicks$.pipe(cut())
 * ```
 */
export function cut<C extends Chunk<unknown, unknown>>(): OperatorFunction<C, C> {
  return concatMap((chunk) =>
    chunk.keys.length === 1 ? of(chunk) : chunk.keys.map((_, i) => slice(chunk, i, i + 1)),
  )
}

/** Records `[from, to)` of a chunk, whatever columns it has. */
export function slice<C extends Chunk<unknown, unknown>>(chunk: C, from: number, to: number): C {
  const { keys, values, timestampsMs, offsets, headers } = chunk
  const part: C = {
    ...chunk,
    keys: keys.slice(from, to),
    values: values.slice(from, to),
    timestampsMs: timestampsMs.slice(from, to),
    offsets: offsets.slice(from, to),
    ...(headers && { headers: headers.slice(from, to) }),
  }
  return isTableChunk(chunk)
    ? {
        ...part,
        oldValues: chunk.oldValues.slice(from, to),
        ...(chunk.latest && { latest: chunk.latest.slice(from, to) }),
      }
    : part
}

function isTableChunk(chunk: Chunk<unknown, unknown>): chunk is TableChunk<unknown, unknown> {
  return 'oldValues' in chunk
}
