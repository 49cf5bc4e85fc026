const initialBytes = 256

/** Kafka's primitive types, written into one answer. Records are passed on as they are, never copied. */
export class Writer {
  readonly #finished: Buffer[] = []
  #finishedBytes = 0
  #bytes = Buffer.allocUnsafe(initialBytes)
  #position = 0

  int8(value: number): this {
    const at = this.#reserve(1) // before `#bytes` is looked at: it may be replaced
    this.#position = this.#bytes.writeInt8(value, at)
    return this
  }

  int16(value: number): this {
    const at = this.#reserve(2) // before `#bytes` is looked at: it may be replaced
    this.#position = this.#bytes.writeInt16BE(value, at)
    return this
  }

  int32(value: number): this {
    const at = this.#reserve(4) // before `#bytes` is looked at: it may be replaced
    this.#position = this.#bytes.writeInt32BE(value, at)
    return this
  }

  int64(value: number): this {
    const at = this.#reserve(8)
    const high = Math.floor(value / 0x1_0000_0000)
    this.#bytes.writeInt32BE(high, at)
    this.#position = this.#bytes.writeUInt32BE(value - high * 0x1_0000_0000, at + 4)
    return this
  }

  boolean(value: boolean): this {
    return this.int8(value ? 1 : 0)
  }

  string(value: string | null): this {
    if (value === null) return this.int16(-1)
    const lengthBytes = Buffer.byteLength(value)
    this.int16(lengthBytes)
    const at = this.#reserve(lengthBytes)
    this.#position = at + this.#bytes.write(value, at, 'utf8')
    return this
  }

  compactString(value: string): this {
    const lengthBytes = Buffer.byteLength(value)
    this.#varint(lengthBytes + 1)
    const at = this.#reserve(lengthBytes)
    this.#position = at + this.#bytes.write(value, at, 'utf8')
    return this
  }

  compactArray<T>(items: Iterable<T> & { readonly length: number }, item: (value: T) => void): this {
    this.#varint(items.length + 1)
    for (const value of items) item(value)
    return this
  }

  /** Stands where tagged fields might. Source: KIP-482. */
  noTags(): this {
    return this.int8(0)
  }

  bytes(value: Buffer): this {
    this.int32(value.length)
    const at = this.#reserve(value.length)
    this.#position = at + value.copy(this.#bytes, at)
    return this
  }

  /** Bytes of a log, by reference. */
  records(value: Buffer): this {
    this.int32(value.length)
    this.#finish()
    this.#finished.push(value)
    this.#finishedBytes += value.length
    return this
  }

  array<T>(items: Iterable<T> & { readonly length: number }, item: (value: T) => void): this {
    this.int32(items.length)
    for (const value of items) item(value)
    return this
  }

  /** What was written, with its length in front as a frame of the protocol; to be written out in one go. */
  frame(): Buffer[] {
    this.#finish()
    const length = Buffer.allocUnsafe(4)
    length.writeInt32BE(this.#finishedBytes)
    return [length, ...this.#finished]
  }

  /** Without sign. */
  #varint(value: number): void {
    let left = value
    for (; left > 0x7f; left >>>= 7) this.#byte((left & 0x7f) | 0x80)
    this.#byte(left)
  }

  #byte(value: number): void {
    const at = this.#reserve(1)
    this.#position = this.#bytes.writeUInt8(value, at)
  }

  #reserve(lengthBytes: number): number {
    const needed = this.#position + lengthBytes
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
      this.#bytes.copy(larger, 0, 0, this.#position)
      this.#bytes = larger
    }
    return this.#position
  }

  #finish(): void {
    if (this.#position === 0) return
    this.#finished.push(this.#bytes.subarray(0, this.#position))
    this.#finishedBytes += this.#position
    this.#bytes = Buffer.allocUnsafe(initialBytes)
    this.#position = 0
  }
}
