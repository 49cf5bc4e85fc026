const zeroByte = 0x30
const [minusByte, dotByte, backslashByte] = [0x2d, 0x2e, 0x5c]
const firstBytes = 1_024
/** Longer texts are written by the engine's own code, which wins there. */
const shortTextMax = 48
const int32Max = 0x7fff_ffff
const decimalsMax = 8
const decimalScale = 10 ** decimalsMax
/** Decimals of up to 15 digits are the shortest that are this number. */
const exactMax = 1e15

const escapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r',
  '\0': '\\0',
}

/** Fields of TabSeparated, as bytes in one buffer that grows: no string for a number, none for a row. */
export class FieldWriter {
  #bytes: Buffer
  #length = 0

  /** Writes into this buffer while there is room in it. */
  constructor(buffer: Buffer = Buffer.allocUnsafeSlow(firstBytes)) {
    this.#bytes = buffer
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

  /** One byte as it is, such as the tab behind a field. */
  byte(byte: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = byte
  }

  /** Any text, escaped. A surrogate that stands alone becomes U+FFFD. */
  text(value: string): void {
    if (value.length > shortTextMax || !this.#plain(value)) this.#escaped(value)
  }

  /** The first `length` characters of a text that is all ASCII and needs no escapes. */
  ascii(value: string, length = value.length): void {
    this.#reserve(length)
    const bytes = this.#bytes
    const from = this.#length
    for (let i = 0; i < length; i++) bytes[from + i] = value.charCodeAt(i)
    this.#length = from + length
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

  /** A whole number, in decimal. */
  integer(value: number | bigint): void {
    if (typeof value === 'number' && value >= 0 && value <= int32Max) this.#digits(value)
    else this.ascii(`${value}`)
  }

  /** A finite number, as a decimal that is this number again. */
  decimal(value: number): void {
    const magnitude = Math.abs(value)
    const scaled = Math.round(magnitude * decimalScale)
    // Both are exact integers, so their quotient is the number nearest to the decimal: it is the one, or it is not.
    if (scaled >= exactMax || scaled / decimalScale !== magnitude) {
      this.ascii(`${value}`)
      return
    }
    if (value < 0 || Object.is(value, -0)) this.byte(minusByte)
    const whole = Math.floor(scaled / decimalScale)
    this.#digits(whole)
    const fraction = scaled - whole * decimalScale
    if (fraction > 0) this.#fraction(fraction)
  }

  #fraction(fraction: number): void {
    this.#reserve(1 + decimalsMax)
    const bytes = this.#bytes
    bytes[this.#length] = dotByte
    let end = this.#length + 1 + decimalsMax
    let rest = fraction | 0
    for (; rest % 10 === 0; end--) rest = (rest / 10) | 0
    for (let at = end - 1; at > this.#length; at--) {
      bytes[at] = zeroByte + (rest % 10)
      rest = (rest / 10) | 0
    }
    this.#length = end
  }

  #digits(value: number): void {
    this.#reserve(10)
    const bytes = this.#bytes
    let rest = value | 0
    let digits = 1
    for (let limit = 10; digits < 10 && rest >= limit; limit *= 10) digits++
    this.#length += digits
    for (let at = this.#length - 1; digits > 0; at--, digits--) {
      bytes[at] = zeroByte + (rest % 10)
      rest = (rest / 10) | 0
    }
  }

  /** Whether the text could be written as it is. */
  #plain(value: string): boolean {
    const { length } = value
    this.#reserve(length)
    const bytes = this.#bytes
    const from = this.#length
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i)
      if (code < 0x20 || code === backslashByte || code > 0x7e) return false
      bytes[from + i] = code
    }
    this.#length = from + length
    return true
  }

  #escaped(value: string): void {
    const text = /[\\\t\n\r\0]/.test(value)
      ? value.replace(/[\\\t\n\r\0]/g, (character) => escapes[character] ?? '')
      : value
    this.#reserve(3 * text.length)
    this.#length += this.#bytes.write(text, this.#length)
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}
