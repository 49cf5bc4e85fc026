import type { OperatorFunction } from 'rxjs'
import type { Chunk } from '../records/chunk.ts'
import type { RowReader } from '../state/row-reader.ts'
import type { StoreSpec } from '../state/store.ts'
import type { Buffered, TimeBuffer } from '../state/time-buffer.ts'
import { ChunkBuilder } from './chunk-builder.ts'
import { chunkOperator, eachRecord, type OperatorContext, standalone } from './operator.ts'

/** Which row a record is given, and what becomes of both. */
export interface StreamTableJoinOptions<K, V, TK, T, J> {
  /** Looks up the rows. */
  readonly rows: (context: OperatorContext) => RowReader<TK, T>
  /** Chooses the row; null: none. */
  readonly keyOf: (value: V, key: K | null) => TK | null
  /** Makes the result; null for a row that is not there. */
  readonly joiner: (value: V, row: T | null, key: K | null) => J
  /** Whether a record without a row gives a result too. */
  readonly outer: boolean
  /** Records wait here, by time, until stream time has passed theirs by the grace; for versioned tables. */
  readonly grace?: {
    /** How far stream time must have passed a record's before it is joined. */
    readonly graceMs: number
    /** The records that wait. */
    readonly buffer: StoreSpec<TimeBuffer<K, V>>
  }
}

/**
 * Gives each record of a stream its row of a table, as the table stands then or, if it is versioned, as it stood at the
 * record's timestamp, which the result keeps. Only the stream side triggers. A null value is dropped; without a row key
 * an inner join drops, and a left one joins with null. Source: Kafka Streams `KStream.join(KTable)` and
 * `KStream.join(GlobalKTable)`.
 *
 * @example
 * ```ts
 * const context = standalone()
 * const rows = ({ store }: OperatorContext) => rowReader(store(users))
 * const joiner = ({ page }: Click, name: string | null) => `${name} at ${page}`
 * const named = streamTableJoin({ rows, keyOf: (_click, user: string | null) => user, joiner, outer: true }, context)
 * merge(users$.pipe(upsert({ store: users }, context), ignoreElements()), clicks$.pipe(named))
 * ```
 */
export function streamTableJoin<K, V, TK, T, J>(
  { rows, keyOf, joiner, outer, grace }: StreamTableJoinOptions<K, V, TK, T, J>,
  context: OperatorContext = standalone(),
): OperatorFunction<Chunk<K | null, V | null>, Chunk<K | null, J>> {
  return chunkOperator(() => {
    const table = rows(context)
    const buffer = grace && context.store(grace.buffer)
    return (chunk) => {
      const out = new ChunkBuilder<K | null, J>(chunk)
      const join = (i: number, rowKey: TK | null, record: Buffered<K | null, V>): void => {
        const { key, value, timestampMs, headers } = record
        const row = rowKey === null ? undefined : find(table, rowKey, timestampMs)
        if (row || outer) out.push(i, key, joiner(value, row ? row.value : null, key), timestampMs, headers)
      }
      eachRecord(context, chunk, (i, key, value, timestampMs) => {
        if (value === null) return context.drop(chunk, i, 'null-value')
        const rowKey = keyOf(value, key)
        if (rowKey === null && !outer) return context.drop(chunk, i, 'null-key')
        const headers = chunk.headers?.[i]
        if (!grace || !buffer || key === null || timestampMs < buffer.observedMs - grace.graceMs) {
          join(i, rowKey, { key, value, timestampMs, headers })
          return
        }
        buffer.put(key, value, timestampMs, headers)
        for (const due of buffer.takeUntil(buffer.observedMs - grace.graceMs)) {
          // Of this chunk only the place is theirs; none is not this record's headers.
          const own = chunk.headers ? (due.headers ?? []) : due.headers
          join(i, keyOf(due.value, due.key), { ...due, headers: own })
        }
      })
      return out.build()
    }
  })
}

function find<K, V>(table: RowReader<K, V>, key: K, atMs: number) {
  return table.rowAsOf ? table.rowAsOf(key, atMs) : table.row(key)
}
