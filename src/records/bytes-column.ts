const nullAt = -1

/** What makes a value of bytes and of where they stand: the reading half of a serde. */
export interface BytesDecoder<T, C> {
  /** The value of these bytes; throws for what is none. */
  deserialize(bytes: Buffer, context: C): T
  /** The same for `bytes[from, to)`, where that needs no view of its own. */
  deserializeWithin?(bytes: Buffer, from: number, to: number, context: C): T
}

/** Byte strings and nulls that lie in a larger buffer, such as the values of a fetch. A view is made when one is asked for. */
export class BytesColumn implements Iterable<Buffer | null> {
  readonly #buffer: Buffer
  /** `buffer[start, end)` each. */
  readonly #starts: Int32Array
  readonly #ends: Int32Array
  #length = 0

  constructor(buffer: Buffer, lengthMax: number) {
    this.#buffer = buffer
    this.#starts = new Int32Array(lengthMax)
    this.#ends = new Int32Array(lengthMax)
  }

  /** A column of its own copy of the values, for tests and edges. */
  static of(values: readonly (Buffer | null)[]): BytesColumn {
    const column = new BytesColumn(Buffer.concat(values.filter((value) => value !== null)), values.length)
    let start = 0
    for (const value of values) {
      if (value === null) column.pushNull()
      else column.push(start, start + value.length)
      start += value?.length ?? 0
    }
    return column
  }

  /** How many values it has. */
  get length(): number {
    return this.#length
  }

  /** Adds `buffer[start, end)`. There must be room: `lengthMax`. */
  push(start: number, end: number): void {
    this.#starts[this.#length] = start
    this.#ends[this.#length++] = end
  }

  /** Adds a null. There must be room: `lengthMax`. */
  pushNull(): void {
    this.push(nullAt, nullAt)
  }

  /** Whether there is no value at `index`. */
  isNull(index: number): boolean {
    return this.#starts[index] === nullAt
  }

  /** A view into the larger buffer: copy what is kept. */
  at(index: number): Buffer | null {
    return this.isNull(index) ? null : this.#buffer.subarray(this.#starts[index], this.#ends[index])
  }

  /** Of what is not null. Throws what the decoder throws. */
  decode<T, C>(index: number, decoder: BytesDecoder<T, C>, context: C): T {
    const start = this.#starts[index] as number
    const end = this.#ends[index] as number
    return decoder.deserializeWithin
      ? decoder.deserializeWithin(this.#buffer, start, end, context)
      : decoder.deserialize(this.#buffer.subarray(start, end), context)
  }

  /** The first `count` ones, over the same buffer. */
  first(count: number): BytesColumn {
    const column = new BytesColumn(this.#buffer, count)
    for (let i = 0; i < count; i++) column.push(this.#starts[i] as number, this.#ends[i] as number)
    return column
  }

  /** The values in order, as `at` gives them. */
  *[Symbol.iterator](): IterableIterator<Buffer | null> {
    for (let i = 0; i < this.#length; i++) yield this.at(i)
  }
}
