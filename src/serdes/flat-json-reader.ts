import { TextCache } from './text-cache.ts'

/** The type of one field: text, a finite number, or one of some texts. */
export type FieldType = 'string' | 'number' | readonly [string, ...string[]]

export interface FlatField {
  readonly name: string
  readonly type: FieldType
  /** What stands before its value: `{"amount":` or `,"amount":`. */
  readonly prefix: string
}

interface Expected extends FlatField {
  /** The prefix as bytes, with the quote of a text. */
  readonly prefixBytes: Uint8Array
}

const [quoteByte, backslashByte, braceByte, dotByte, minusByte, zeroByte] = [
  0x22, 0x5c, 0x7d, 0x2e, 0x2d, 0x30,
]
const digitsMax = 15
const powersOfTen = Array.from({ length: digitsMax + 1 }, (_, i) => 10 ** i)

/**
 * Reads flat JSON objects in one pass, if their fields stand there as `JSON.stringify` writes them, in this order, and
 * hold plain ASCII and numbers of at most 15 digits.
 */
export class FlatJsonReader<T> {
  readonly #fields: readonly Expected[]
  readonly #texts = new TextCache()
  /** A copy of it has the fields in place already: setting them is cheaper than adding them. */
  readonly #blank: Readonly<Record<string, string | number>>
  #at = 0

  constructor(fields: readonly FlatField[]) {
    this.#fields = fields.map((field) => ({
      ...field,
      prefixBytes: Buffer.from(field.type === 'number' ? field.prefix : `${field.prefix}"`),
    }))
    this.#blank = Object.fromEntries(fields.map(({ name, type }) => [name, type === 'number' ? 0.5 : '']))
  }

  /** What `bytes[from, to)` says; undefined: not as expected, which says nothing about whether it is of the shape. */
  read(bytes: Buffer, from: number, to: number): T | undefined {
    const value = { ...this.#blank }
    this.#at = from
    for (const { name, type, prefixBytes } of this.#fields) {
      if (!this.#skip(bytes, prefixBytes)) return undefined
      const read = type === 'number' ? this.#number(bytes) : this.#text(bytes, to)
      if (read === undefined) return undefined
      if (typeof type !== 'string' && !type.includes(read as string)) return undefined
      value[name] = read
    }
    // A record ends where its value ends: what was read beyond lies in the next one, and this is not reached.
    return bytes[this.#at] === braceByte && this.#at + 1 === to ? (value as T) : undefined
  }

  #skip(bytes: Buffer, expected: Uint8Array): boolean {
    const at = this.#at
    const { length } = expected
    for (let i = 0; i < length; i++) if (bytes[at + i] !== expected[i]) return false
    this.#at = at + length
    return true
  }

  /** Escapes, control characters and what is not ASCII are for a full parser. */
  #text(bytes: Buffer, to: number): string | undefined {
    const from = this.#at
    for (let at = from; at < to; at++) {
      const code = bytes[at] as number
      if (code === quoteByte) {
        this.#at = at + 1
        return this.#texts.read(bytes, from, at)
      }
      if (code < 0x20 || code === backslashByte || code > 0x7e) return undefined
    }
    return undefined
  }

  /** Up to 15 digits are exact as an integer, and so is their quotient by a power of ten. */
  #number(bytes: Buffer): number | undefined {
    const isNegative = bytes[this.#at] === minusByte
    const first = isNegative ? this.#at + 1 : this.#at
    let at = first
    let digits = 0
    let dotAt = -1
    for (; ; at++) {
      const digit = (bytes[at] as number) - zeroByte
      if (digit >= 0 && digit <= 9) digits = digits * 10 + digit
      else if (bytes[at] === dotByte && dotAt < 0) dotAt = at
      else break
    }
    this.#at = at
    const decimals = dotAt < 0 ? 0 : at - dotAt - 1
    const whole = (dotAt < 0 ? at : dotAt) - first
    const leadsWithZero = whole > 1 && bytes[first] === zeroByte
    if (whole < 1 || whole + decimals > digitsMax || (dotAt >= 0 && decimals < 1) || leadsWithZero)
      return undefined
    const value = decimals > 0 ? digits / (powersOfTen[decimals] as number) : digits
    return isNegative ? -value : value
  }
}
