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

  /** Null is the empty array. */
  array<T>(read: () => T): T[] {
    const length = Math.max(0, this.int32())
    // Each item takes a byte at least: a lying count can't make us allocate.
    if (length > this.bytes.length - this.at)
      throw new RangeError(`${length} items in ${this.bytes.length - this.at} bytes`)
    return Array.from({ length }, read)
  }
}
