/** Reads Kafka's plain types from an answer, one after the other. Throws a `RangeError` behind the end. */
export class ByteReader {
  readonly bytes: Buffer
  at = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  int8(): number {
    const at = this.at
    this.at += 1
    return this.bytes.readInt8(at)
  }

  int16(): number {
    const at = this.at
    this.at += 2
    return this.bytes.readInt16BE(at)
  }

  int32(): number {
    const at = this.at
    this.at += 4
    return this.bytes.readInt32BE(at)
  }

  /** Exact up to 2⁵³: offsets, times and producer ids stay below. */
  int64(): number {
    const at = this.at
    this.at += 8
    return this.bytes.readInt32BE(at) * 2 ** 32 + this.bytes.readUInt32BE(at + 4)
  }

  /** Null is the empty string. */
  string(): string {
    const length = Math.max(0, this.int16())
    const at = this.at
    this.at += length
    return this.bytes.toString('utf8', at, this.at)
  }

  /** Null is none. A view, not a copy. */
  buffer(): Buffer {
    const length = Math.max(0, this.int32())
    if (length > this.bytes.length - this.at)
      throw new RangeError(`${length} bytes in ${this.bytes.length - this.at}`)
    const at = this.at
    this.at += length
    return this.bytes.subarray(at, this.at)
  }

  /** Null is the empty string. */
  compactString(): string {
    const length = Math.max(0, this.#varint() - 1)
    const at = this.at
    this.at += length
    return this.bytes.toString('utf8', at, this.at)
  }

  /** Null is the empty array. */
  compactArray<T>(read: () => T): T[] {
    return Array.from({ length: Math.max(0, this.#varint() - 1) }, read)
  }

  /** Passes over tagged fields: none of them is needed. Source: KIP-482. */
  tags(): void {
    for (let count = this.#varint(); count > 0; count--) {
      this.#varint()
      const length = this.#varint()
      this.at += length
    }
  }

  /** Null is the empty array. */
  array<T>(read: () => T): T[] {
    const length = Math.max(0, this.int32())
    // Each item takes a byte at least: a lying count can't make us allocate.
    if (length > this.bytes.length - this.at)
      throw new RangeError(`${length} items in ${this.bytes.length - this.at} bytes`)
    return Array.from({ length }, read)
  }

  /** Without sign. */
  #varint(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.bytes.readUInt8(this.at++)
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
  }
}
