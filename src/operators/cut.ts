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
  const { headers } = chunk
  const part: C = {
    ...chunk,
    keys: chunk.keys.slice(from, to),
    values: chunk.values.slice(from, to),
    timestampsMs: chunk.timestampsMs.slice(from, to),
    offsets: chunk.offsets.slice(from, to),
  }
  const withHeaders = headers ? { ...part, headers: headers.slice(from, to) } : part
  return isTableChunk(chunk) ? { ...withHeaders, ...tableColumns(chunk, from, to) } : withHeaders
}

function tableColumns({ oldValues, latest }: TableChunk<unknown, unknown>, from: number, to: number) {
  const columns = { oldValues: oldValues.slice(from, to) }
  return latest ? { ...columns, latest: latest.slice(from, to) } : columns
}

function isTableChunk(chunk: Chunk<unknown, unknown>): chunk is TableChunk<unknown, unknown> {
  return 'oldValues' in chunk
}
