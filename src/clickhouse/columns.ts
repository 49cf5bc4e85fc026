import { RivuletError } from '../errors.ts'
import { misfit } from './misfit.ts'
import type { RowWriter } from './row-writer.ts'
import { encodeDate, timeEncoder } from './time-columns.ts'

/** The TypeScript side of a ClickHouse type; `never` for one that a table can't be written with. */
export type ColumnValue<T extends string> = T extends `Nullable(${infer Inner})`
  ? ColumnValue<Inner> | null
  : T extends `LowCardinality(${infer Inner})`
    ? ColumnValue<Inner>
    : T extends 'String' | 'UUID' | 'Date'
      ? string
      : T extends 'Bool'
        ? boolean
        : T extends 'Float32' | 'Float64' | `${'U' | ''}Int${8 | 16 | 32}`
          ? number
          : T extends `${'U' | ''}Int64`
            ? number | bigint
            : // ISO 8601 in UTC with any number of digits after the second (what the column can't hold is cut off), or
              // milliseconds since the epoch.
              T extends `DateTime('UTC')` | `DateTime64(${number},${string}'UTC')`
              ? string | number
              : never

/** Writes one value as RowBinary. Throws a plain `Error` that says what does not fit. */
export type ColumnEncoder = (value: unknown, into: RowWriter) => void

/** Throws `BAD_CONFIG` when rows can't be written with such a type. */
export function columnEncoder(type: string): ColumnEncoder {
  const wrapped = /^(Nullable|LowCardinality)\((.*)\)$/.exec(type)
  if (wrapped?.[2] !== undefined) {
    const inner = columnEncoder(wrapped[2])
    return wrapped[1] === 'Nullable' ? nullableEncoder(inner) : inner
  }
  const integer = /^(U?)Int(8|16|32|64)$/.exec(type)
  if (integer) return integerEncoder(integer[1] === 'U', Number(integer[2]) as 8 | 16 | 32 | 64)
  const time = /^DateTime(?:64\(([0-9]),\s*)?\(?'UTC'\)$/.exec(type)
  if (time) return timeEncoder(time[1])
  switch (type) {
    case 'String':
      return encodeString
    case 'Float32':
      return (value, into) => into.float32(numberOf(value))
    case 'Float64':
      return (value, into) => into.float64(numberOf(value))
    case 'Bool':
      return encodeBoolean
    case 'UUID':
      return encodeUuid
    case 'Date':
      return encodeDate
    default:
      throw new RivuletError(
        'BAD_CONFIG',
        `A column of type ${type} can't be written; times must be in 'UTC'`,
      )
  }
}

function nullableEncoder(inner: ColumnEncoder): ColumnEncoder {
  return (value, into) => {
    into.integer(value === null ? 1 : 0, 8)
    if (value !== null) inner(value, into)
  }
}

function encodeString(value: unknown, into: RowWriter): void {
  if (typeof value !== 'string') throw misfit(value, 'string')
  into.text(value)
}

function numberOf(value: unknown): number {
  if (typeof value !== 'number') throw misfit(value, 'number')
  return value
}

function encodeBoolean(value: unknown, into: RowWriter): void {
  if (typeof value !== 'boolean') throw misfit(value, 'boolean')
  into.integer(value ? 1 : 0, 8)
}

/** Checks the range: ClickHouse would store 300 in a UInt8 as 44, without a word. */
function integerEncoder(unsigned: boolean, bits: 8 | 16 | 32 | 64): ColumnEncoder {
  const minimum = unsigned ? 0n : -(2n ** BigInt(bits - 1))
  const maximum = 2n ** BigInt(unsigned ? bits : bits - 1) - 1n
  const lowest = Math.max(Number(minimum), Number.MIN_SAFE_INTEGER)
  const highest = Math.min(Number(maximum), Number.MAX_SAFE_INTEGER)
  const expected = `integer from ${minimum} to ${maximum}, exact`
  return (value, into) => {
    const isExact =
      typeof value === 'number' && Number.isInteger(value) && value >= lowest && value <= highest
    const isLarge = typeof value === 'bigint' && value >= minimum && value <= maximum
    if (!isExact && !isLarge) throw misfit(value, expected)
    if (bits === 64) into.integer64(value)
    else into.integer(Number(value), bits)
  }
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** Two halves, each with its last byte first. */
function encodeUuid(value: unknown, into: RowWriter): void {
  if (typeof value !== 'string' || !uuid.test(value)) throw misfit(value, 'UUID')
  const bytes = Buffer.from(value.replaceAll('-', ''), 'hex')
  into.raw(bytes.subarray(0, 8).reverse())
  into.raw(bytes.subarray(8).reverse())
}
