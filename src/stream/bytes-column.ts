import type { Serde } from '../serdes/serde.ts'

const NULL = -1

/** Byte strings and nulls that lie in larger buffers, such as the values of a fetch. A view is made when one is asked for. */
export class BytesColumn implements Iterable<Buffer | null> {
  readonly #buffers: Buffer[] = []
  readonly #starts: number[] = []
  readonly #ends: number[] = []

  /** For tests and edges. */
  static of(values: Iterable<Buffer | null>): BytesColumn {
    const column = new BytesColumn()
    for (const value of values) {
      if (value === null) column.pushNull()
      else column.push(value, 0, value.length)
    }
    return column
  }

  get length(): number {
    return this.#starts.length
  }

  push(buffer: Buffer, start: number, end: number): void {
    this.#buffers.push(buffer)
    this.#starts.push(start)
    this.#ends.push(end)
  }

  pushNull(): void {
    this.push(nothing, NULL, NULL)
  }

  isNull(index: number): boolean {
    return this.#starts[index] === NULL
  }

  /** A view into the larger buffer: copy what is kept. */
  at(index: number): Buffer | null {
    const start = this.#starts[index] as number
    return start === NULL ? null : (this.#buffers[index] as Buffer).subarray(start, this.#ends[index])
  }

  /** Throws what the serde throws. */
  decode<T>(index: number, serde: Serde<T>): T {
    const buffer = this.#buffers[index] as Buffer
    const start = this.#starts[index] as number
    const end = this.#ends[index] as number
    return serde.deserializeWithin
      ? serde.deserializeWithin(buffer, start, end)
      : serde.deserialize(buffer.subarray(start, end))
  }

  /** The first ones. */
  first(count: number): BytesColumn {
    const column = new BytesColumn()
    for (let i = 0; i < count; i++) {
      column.push(this.#buffers[i] as Buffer, this.#starts[i] as number, this.#ends[i] as number)
    }
    return column
  }

  *[Symbol.iterator](): IterableIterator<Buffer | null> {
    for (let i = 0; i < this.length; i++) yield this.at(i)
  }
}

const nothing = Buffer.alloc(0)
