import type { BytesColumn } from '../records/bytes-column.ts'
import type { Headers } from '../records/chunk.ts'

/** Where a value stands: what a serde may look at beside the bytes. One object serves many records: copy what is kept. */
export interface SerdeContext {
  /** Its real name, with prefixes. Of state: the changelog, or the topic that the table is read from. */
  readonly topic: string
  /** Which half of the record it is. */
  readonly part: 'key' | 'value'
  /** The record's; undefined: it has none. */
  readonly headers: Headers | undefined
}

/** Where values stand of which none is at hand yet. */
export type SerdePlace = Omit<SerdeContext, 'headers'>

/** How the records of a topic, or of a store's changelog, are written. */
export interface SerdeNames {
  /** The `name` of the key's serde. */
  readonly key: string
  /** The `name` of the value's serde. */
  readonly value: string
}

/**
 * How one type stands in Kafka's bytes. Null (no key; a tombstone) is handled outside, unless the serde says by
 * `nullable` that its type includes it.
 *
 * @example
 * ```ts
 * const csv: Serde<readonly string[]> = {
 *   name: 'csv',
 *   serialize: (fields) => Buffer.from(fields.join(',')),
 *   deserialize: (bytes) => bytes.toString().split(','),
 * }
 * ```
 */
export interface Serde<T> {
  /** Said in errors and in `describe()`. Serdes of one name are taken to write equal bytes for equal values. */
  readonly name: string
  /**
   * Throws a `RivuletError` with code `ENCODE_FAILED` when the value does not fit. Without a context the bytes are only
   * compared with others, and written nowhere.
   */
  serialize(value: T, context?: SerdeContext): Buffer
  /** Throws a `RivuletError` with code `DECODE_FAILED` when the bytes are not such a value. */
  deserialize(bytes: Buffer, context?: SerdeContext): T
  /** The same for `bytes[from, to)`, where that needs no view of its own: for what is decoded by the million. */
  deserializeWithin?(bytes: Buffer, from: number, to: number, context?: SerdeContext): T
  /**
   * Before a chunk is read: fetches what reading needs (a schema, once), undefined when it is all there. Called for each
   * chunk, so the answer must be quick. What it rejects with is tried again, for ever; a `RivuletError` that is not `retryable`
   * ends the program instead. Bytes that are wrong are told by `deserialize`.
   */
  prepareRead?(bytes: BytesColumn, place: SerdePlace): Promise<void> | undefined
  /** Before the first record is written to a topic: the same for writing. */
  prepareWrite?(place: SerdePlace): Promise<void> | undefined
  /**
   * Whether null is a value of `T`: then a null key or value reaches the pipeline, else the record is a dead
   * letter. Tables take null values (tombstones) always.
   */
  readonly nullable?: boolean
  /** A text that is equal for equal values and no others, where that is cheaper to make than the bytes: for `Map`s. */
  mapKey?(value: T): string
  /** The value that a person means by a text, such as a key in a URL; default: the text's UTF-8 bytes. Throws as `deserialize`. */
  fromText?(text: string): T
}
