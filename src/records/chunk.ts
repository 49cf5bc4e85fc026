import type { BytesColumn } from './bytes-column.ts'

/** A name, and a value; null: it has none. */
export type Header = readonly [name: string, value: Buffer | null]

/** The headers of one record, in order. As in Kafka, a name may occur more than once. */
export type Headers = readonly Header[]

/**
 * The value of the last header of that name; null: it has none; undefined: there is no such header. Source: Kafka
 * `Headers.lastHeader`.
 *
 * @example
 * ```ts
 * lastHeader([['trace', Buffer.from('a')], ['trace', Buffer.from('b')]], 'trace') // "b"
 * ```
 */
export function lastHeader(headers: Headers | undefined, name: string): Buffer | null | undefined {
  return headers?.findLast(([each]) => each === name)?.[1]
}

/**
 * Consecutive records of one partition, in columns: record `i` is `keys[i]`, `values[i]`, … All columns are equally
 * long, and read-only: an operator that changes one makes a new column and shares the others.
 */
export interface Chunk<K, V> {
  /** Where the records were read: a topic's real name, or that of a source. */
  readonly topic: string
  /** Of that topic. */
  readonly partition: number
  /** The key of each record. */
  readonly keys: readonly K[]
  /** The value of each record. */
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
  /** The key of each record, as bytes; null: it has none. */
  readonly keys: BytesColumn
  /** The value of each record, as bytes; null: a tombstone. */
  readonly values: BytesColumn
}

/**
 * Updates of a table. `values` are the new ones, `oldValues` what stood there before; null is "no row". A change
 * from null to null happens (a tombstone for a row that was never there) and is passed on, as in Kafka Streams.
 */
export interface TableChunk<K, V> extends Chunk<K, V | null> {
  /** What stood there before each update; null: no row, or nobody knows. */
  readonly oldValues: readonly (V | null)[]
  /** Versioned tables only: whether the update is the newest of its key. Absent: all are. */
  readonly latest?: readonly boolean[]
}

/** One record, for tests and edges. */
export interface PlainRecord<K, V> {
  /** Null: it has none. */
  readonly key: K
  /** Null: a tombstone, or whatever null means in its topic. */
  readonly value: V
  /** Event time, ms since the epoch. */
  readonly timestampMs: number
  /** In its topic; absent, or −1: it has none. */
  readonly offset?: number
  /** Absent: it has none. */
  readonly headers?: Headers
}

/**
 * Makes a chunk of single records: for tests and edges, not for hot paths.
 *
 * @example
 * ```ts
 * const chunk = chunkOf([{ key: 'ann', value: 1, timestampMs: 0 }], { topic: 'counts', partition: 3 })
 * ```
 */
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

/**
 * The chunk's records one by one: for tests and edges, not for hot paths.
 *
 * @example
 * ```ts
 * for (const { key, value } of recordsOf(chunk)) console.log(key, value)
 * ```
 */
export function recordsOf<K, V>(chunk: Chunk<K, V>): PlainRecord<K, V>[] {
  const { keys, values, timestampsMs, offsets, headers } = chunk
  return timestampsMs.map((timestampMs, i) => {
    const record = { key: keys[i] as K, value: values[i] as V, timestampMs, offset: offsets[i] as number }
    const own = headers?.[i]
    return own ? { ...record, headers: own } : record
  })
}
