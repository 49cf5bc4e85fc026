/** The bytes are no request of this protocol: whoever sent them is disconnected. */
export class MalformedRequest extends Error {
  override readonly name = 'MalformedRequest'
}

/**
 * Kafka's primitive types, read from one request. Everything is checked against what is left of it. In a flexible version
 * lengths are compact, and tagged fields may follow each structure. Source: KIP-482.
 */
export class Reader {
  readonly #bytes: Buffer
  readonly #isFlexible: boolean
  #position = 0

  constructor(bytes: Buffer, isFlexible = false) {
    this.#bytes = bytes
    this.#isFlexible = isFlexible
  }

  get remainingBytes(): number {
    return this.#bytes.length - this.#position
  }

  /** For what is left. */
  rest(isFlexible: boolean): Reader {
    return new Reader(this.#bytes.subarray(this.#position), isFlexible)
  }

  int8(): number {
    return this.#bytes.readInt8(this.#advance(1))
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#advance(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#advance(4))
  }

  /** Exact up to 2⁵³: offsets, times and producer ids stay below. */
  int64(): number {
    const at = this.#advance(8)
    return this.#bytes.readInt32BE(at) * 0x1_0000_0000 + this.#bytes.readUInt32BE(at + 4)
  }

  boolean(): boolean {
    return this.int8() !== 0
  }

  nullableString(): string | null {
    const lengthBytes = this.#isFlexible ? this.#compactLength() : this.int16()
    if (lengthBytes < 0) return null
    const at = this.#advance(lengthBytes)
    return this.#bytes.toString('utf8', at, at + lengthBytes)
  }

  string(): string {
    return this.nullableString() ?? this.#fail('a string is missing')
  }

  /** A view into the request, not a copy. */
  nullableBytes(): Buffer | null {
    const lengthBytes = this.#isFlexible ? this.#compactLength() : this.int32()
    if (lengthBytes < 0) return null
    const at = this.#advance(lengthBytes)
    return this.#bytes.subarray(at, at + lengthBytes)
  }

  bytes(): Buffer {
    return this.nullableBytes() ?? this.#fail('bytes are missing')
  }

  /** Of primitive types. */
  nullableArray<T>(item: () => T): T[] | null {
    const count = this.#isFlexible ? this.#compactLength() : this.int32()
    if (count < 0) return null
    // Each item takes a byte at least, so a lying count can't make us allocate.
    if (count > this.remainingBytes) this.#fail(`an array of ${count} items in ${this.remainingBytes} bytes`)
    const items: T[] = []
    for (let i = 0; i < count; i++) items.push(item())
    return items
  }

  array<T>(item: () => T): T[] {
    return this.nullableArray(item) ?? []
  }

  nullableStructs<T>(item: () => T): T[] | null {
    return this.nullableArray(() => {
      const read = item()
      this.tags()
      return read
    })
  }

  structs<T>(item: () => T): T[] {
    return this.nullableStructs(item) ?? []
  }

  /** Passes over tagged fields: none of them means anything here. */
  tags(): void {
    if (!this.#isFlexible) return
    for (let count = this.#varint(); count > 0; count--) {
      this.#varint()
      this.#advance(this.#varint())
    }
  }

  #compactLength(): number {
    return this.#varint() - 1
  }

  /** Without sign. */
  #varint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#bytes[this.#advance(1)]!
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    return this.#fail('a number does not end')
  }

  #advance(lengthBytes: number): number {
    const at = this.#position
    if (lengthBytes > this.#bytes.length - at) {
      this.#fail(`${lengthBytes} bytes wanted, ${this.#bytes.length - at} left`)
    }
    this.#position = at + lengthBytes
    return at
  }

  #fail(what: string): never {
    throw new MalformedRequest(`${what} (at byte ${this.#position} of ${this.#bytes.length})`)
  }
}
