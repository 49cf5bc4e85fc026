/** Writes Kafka's plain types into a request, one after the other: for small ones. */
export class ByteWriter {
  readonly #parts: Buffer[] = []

  int8(value: number): this {
    return this.#fixed(1, (bytes) => bytes.writeInt8(value))
  }

  int16(value: number): this {
    return this.#fixed(2, (bytes) => bytes.writeInt16BE(value))
  }

  int32(value: number): this {
    return this.#fixed(4, (bytes) => bytes.writeInt32BE(value))
  }

  int64(value: number): this {
    return this.#fixed(8, (bytes) => bytes.writeBigInt64BE(BigInt(value)))
  }

  string(value: string | null): this {
    if (value === null) return this.int16(-1)
    const bytes = Buffer.from(value)
    this.int16(bytes.length)
    this.#parts.push(bytes)
    return this
  }

  bytes(value: Buffer): this {
    this.int32(value.length)
    this.#parts.push(value)
    return this
  }

  array<T>(items: readonly T[], item: (value: T) => void): this {
    this.int32(items.length)
    for (const value of items) item(value)
    return this
  }

  compactString(value: string): this {
    const bytes = Buffer.from(value)
    this.#varint(bytes.length + 1)
    this.#parts.push(bytes)
    return this
  }

  compactArray<T>(items: readonly T[], item: (value: T) => void): this {
    this.#varint(items.length + 1)
    for (const value of items) item(value)
    return this
  }

  /** Stands where tagged fields might. Source: KIP-482. */
  noTags(): this {
    return this.int8(0)
  }

  /** As kafkajs wants a request. */
  finish(): { readonly buf: Buffer; readonly buffer: Buffer } {
    const buffer = Buffer.concat(this.#parts)
    return { buf: buffer, buffer }
  }

  #varint(value: number): void {
    let left = value
    for (; left > 0x7f; left >>>= 7) this.#byte((left & 0x7f) | 0x80)
    this.#byte(left)
  }

  #byte(value: number): void {
    this.#fixed(1, (bytes) => bytes.writeUInt8(value))
  }

  #fixed(sizeBytes: number, write: (bytes: Buffer) => void): this {
    const bytes = Buffer.alloc(sizeBytes)
    write(bytes)
    this.#parts.push(bytes)
    return this
  }
}
