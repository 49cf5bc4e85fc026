const firstBytes = 1_024
/** Longer texts are written by the engine's own code, which wins there. */
const shortTextMax = 48
const twoTo32 = 0x1_0000_0000

/** Values of RowBinary, in one buffer that grows: no string for a number, no object for a row. */
export class RowWriter {
  #bytes: Buffer
  #view: DataView
  #length = 0

  /** Writes into this buffer while there is room in it. */
  constructor(buffer: Buffer = Buffer.allocUnsafeSlow(firstBytes)) {
    this.#bytes = buffer
    this.#view = viewOf(buffer)
  }

  /** How many bytes were written. */
  get length(): number {
    return this.#length
  }

  /** What it writes into, with the room that is left. */
  get buffer(): Buffer {
    return this.#bytes
  }

  /** A view of what was written. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Takes back what was written behind. */
  cut(length: number): void {
    this.#length = length
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    const { length } = bytes
    this.#reserve(length)
    const to = this.#bytes
    const from = this.#length
    for (let i = 0; i < length; i++) to[from + i] = bytes[i] as number
    this.#length = from + length
  }

  /** Any text, behind its length. A surrogate that stands alone becomes U+FFFD. */
  text(value: string): void {
    if (value.length <= shortTextMax && this.#ascii(value)) return
    const length = Buffer.byteLength(value)
    this.count(length)
    this.#reserve(length)
    this.#length += this.#bytes.write(value, this.#length)
  }

  /** How many of something follow, as a varint. */
  count(value: number): void {
    this.#reserve(5)
    let rest = value
    for (; rest > 0x7f; rest >>>= 7) this.#bytes[this.#length++] = (rest & 0x7f) | 0x80
    this.#bytes[this.#length++] = rest
  }

  /** Of 8, 16 or 32 bits, signed or not: it must be within them. */
  integer(value: number, bits: 8 | 16 | 32): void {
    this.#reserve(4)
    if (bits === 8) this.#bytes[this.#length] = value
    else if (bits === 16) this.#view.setUint16(this.#length, value, true)
    else this.#view.setUint32(this.#length, value, true)
    this.#length += bits / 8
  }

  /** Of 64 bits, signed or not: it must be within them, and exact. */
  integer64(value: number | bigint): void {
    this.#reserve(8)
    if (typeof value === 'bigint') this.#view.setBigUint64(this.#length, BigInt.asUintN(64, value), true)
    else {
      const high = Math.floor(value / twoTo32)
      this.#view.setUint32(this.#length, value - high * twoTo32, true)
      this.#view.setInt32(this.#length + 4, high, true)
    }
    this.#length += 8
  }

  /** The nearest one of 32 bits. */
  float32(value: number): void {
    this.#reserve(4)
    this.#view.setFloat32(this.#length, value, true)
    this.#length += 4
  }

  /** As it is. */
  float64(value: number): void {
    this.#reserve(8)
    this.#view.setFloat64(this.#length, value, true)
    this.#length += 8
  }

  /** Whether the text could be written as it is: short, and ASCII. */
  #ascii(value: string): boolean {
    const { length } = value
    this.#reserve(1 + length)
    const bytes = this.#bytes
    const from = this.#length + 1
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i)
      if (code > 0x7f) return false
      bytes[from + i] = code
    }
    bytes[from - 1] = length
    this.#length = from + length
    return true
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
    this.#view = viewOf(grown)
  }
}

function viewOf({ buffer, byteOffset, length }: Buffer): DataView {
  return new DataView(buffer, byteOffset, length)
}
