/**
 * How one type stands in Kafka's bytes. Null (no key; a tombstone) is handled outside, unless the serde says by
 * `nullable` that its type includes it.
 */
export interface Serde<T> {
  /** Said in errors and in `describe()`. */
  readonly name: string
  /** Throws a `RivuletError` with code `ENCODE_FAILED` when the value does not fit. */
  serialize(value: T): Buffer
  /** Throws a `RivuletError` with code `DECODE_FAILED` when the bytes are not such a value. */
  deserialize(bytes: Buffer): T
  /** The same for `bytes[from, to)`, where that needs no view of its own: for what is decoded by the million. */
  deserializeWithin?(bytes: Buffer, from: number, to: number): T
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
