import type { BytesColumn } from './bytes-column.ts'

/** Header values of one record, as in Kafka; a name may occur once here (the last one wins). */
export type Headers = Readonly<Record<string, Buffer>>

/**
 * Consecutive records of one partition, in columns: record `i` is `keys[i]`, `values[i]`, … All columns are equally
 * long, and read-only: an operator that changes one makes a new column and shares the others.
 */
export interface Chunk<K, V> {
  readonly topic: string
  readonly partition: number
  readonly keys: readonly K[]
  readonly values: readonly V[]
  /** Event time of each record, ms since the epoch. */
  readonly timestampsMs: readonly number[]
  /** Offset, in `topic`, of the input record from which each record came; −1 where there is none. */
  readonly offsets: readonly number[]
  /** Absent where no record of the chunk has any. */
  readonly headers?: readonly (Headers | undefined)[]
}

/** As Kafka hands it over: nothing is decoded yet, and nothing copied. */
export interface RawChunk extends Omit<Chunk<never, never>, 'keys' | 'values'> {
  readonly keys: BytesColumn
  readonly values: BytesColumn
}

/**
 * Updates of a table. `values` are the new ones, `oldValues` what stood there before; null is "no row". A change
 * from null to null happens (a tombstone for a row that was never there) and is passed on, as in Kafka Streams.
 */
export interface TableChunk<K, V> extends Chunk<K, V | null> {
  readonly oldValues: readonly (V | null)[]
  /** Versioned tables only: whether the update is the newest of its key. Absent: all are. */
  readonly latest?: readonly boolean[]
}

export interface PlainRecord<K, V> {
  readonly key: K
  readonly value: V
  readonly timestampMs: number
  readonly offset?: number
  readonly headers?: Headers
}

/** Makes a chunk of single records: for tests and edges, not for hot paths. */
export function chunkOf<K, V>(
  records: readonly PlainRecord<K, V>[],
  { topic = 'test', partition = 0 }: { topic?: string; partition?: number } = {},
): Chunk<K, V> {
  const chunk = {
    topic,
    partition,
    keys: records.map((record) => record.key),
    values: records.map((record) => record.value),
    timestampsMs: records.map((record) => record.timestampMs),
    offsets: records.map((record) => record.offset ?? -1),
  }
  if (!records.some((record) => record.headers)) return chunk
  return { ...chunk, headers: records.map((record) => record.headers) }
}

/** The chunk's records one by one: for tests and edges, not for hot paths. */
export function recordsOf<K, V>(chunk: Chunk<K, V>): PlainRecord<K, V>[] {
  const { keys, values, timestampsMs, offsets, headers } = chunk
  return timestampsMs.map((timestampMs, i) => {
    const record = { key: keys[i] as K, value: values[i] as V, timestampMs, offset: offsets[i] as number }
    const own = headers?.[i]
    return own ? { ...record, headers: own } : record
  })
}
