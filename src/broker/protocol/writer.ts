const initialBytes = 256

/**
 * Kafka's primitive types, written into one answer. Records are passed on as they are, never copied. In a flexible version
 * lengths are compact, and each structure ends with its tagged fields: none. Source: KIP-482.
 */
export class Writer {
  readonly #isFlexible: boolean
  readonly #finished: Buffer[] = []
  #finishedBytes = 0
  #bytes = Buffer.allocUnsafe(initialBytes)
  #position = 0

  constructor(isFlexible = false) {
    this.#isFlexible = isFlexible
  }

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
    if (value === null) return this.#isFlexible ? this.#varint(0) : this.int16(-1)
    const lengthBytes = Buffer.byteLength(value)
    if (this.#isFlexible) this.#varint(lengthBytes + 1)
    else this.int16(lengthBytes)
    const at = this.#reserve(lengthBytes)
    this.#position = at + this.#bytes.write(value, at, 'utf8')
    return this
  }

  bytes(value: Buffer): this {
    this.#length(value.length)
    const at = this.#reserve(value.length)
    this.#position = at + value.copy(this.#bytes, at)
    return this
  }

  /** Bytes of a log, by reference. */
  records(value: Buffer): this {
    this.#length(value.length)
    this.#finish()
    this.#finished.push(value)
    this.#finishedBytes += value.length
    return this
  }

  /** Of primitive types. */
  array<T>(items: Iterable<T> & { readonly length: number }, item: (value: T) => void): this {
    this.#length(items.length)
    for (const value of items) item(value)
    return this
  }

  structs<T>(items: Iterable<T> & { readonly length: number }, item: (value: T) => void): this {
    return this.array(items, (value) => {
      item(value)
      this.noTags()
    })
  }

  /** Stands where tagged fields might. */
  noTags(): this {
    return this.#isFlexible ? this.int8(0) : this
  }

  /** What was written, with its length in front as a frame of the protocol; to be written out in one go. */
  frame(): Buffer[] {
    this.#finish()
    const length = Buffer.allocUnsafe(4)
    length.writeInt32BE(this.#finishedBytes)
    return [length, ...this.#finished]
  }

  /** Of bytes and arrays. */
  #length(length: number): this {
    return this.#isFlexible ? this.#varint(length + 1) : this.int32(length)
  }

  /** Without sign. */
  #varint(value: number): this {
    let left = value
    for (; left > 0x7f; left >>>= 7) this.#byte((left & 0x7f) | 0x80)
    this.#byte(left)
    return this
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
