import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Serde } from '../../src/serdes/serde.ts'
import { serdes, valueFromText } from '../../src/serdes/serdes.ts'
import { mapKeyOf } from '../../src/state/store.ts'

const decodeFailed = expect.objectContaining({ code: 'DECODE_FAILED' })
const encodeFailed = expect.objectContaining({ code: 'ENCODE_FAILED' })
const [day, afternoon] = ['2026-01-31', '2026-01-31T18:41:18.123Z']
const id = '0b5d7a3e-0000-4abc-8def-00000000ffff'

describe.each<[string, Serde<never>, readonly (readonly [value: unknown, hex: string])[]]>([
  [
    'bigint',
    serdes.bigint as Serde<never>,
    [
      [0n, '0000000000000000'],
      [-1n, 'ffffffffffffffff'],
      [2n ** 53n + 1n, '0020000000000001'],
      [2n ** 63n - 1n, '7fffffffffffffff'],
      [-(2n ** 63n), '8000000000000000'],
    ],
  ],
  [
    'int32',
    serdes.int32 as Serde<never>,
    [
      [1, '00000001'],
      [-2, 'fffffffe'],
      [2 ** 31 - 1, '7fffffff'],
      [-(2 ** 31), '80000000'],
    ],
  ],
  ['uuid', serdes.uuid as Serde<never>, [[id, Buffer.from(id).toString('hex')]]],
  [
    'date',
    serdes.date as Serde<never>,
    [
      [new Date(0), '0000000000000000'],
      [new Date(-1), 'ffffffffffffffff'],
      [new Date(8_640_000_000_000_000), '001eb208c2dc0000'],
    ],
  ],
])('%s', (_, serde, known) => {
  test.each(known)('%s stands in the bytes that Kafka writes', (value, hex) => {
    expect(serde.serialize(value as never).toString('hex')).toBe(hex)
    expect(serde.deserialize(Buffer.from(hex, 'hex'))).toEqual(value)
  })
})

test('all values of a type come back, through their text too', () => {
  const comesBack = <T>(serde: Serde<T>, textOf: (value: T) => string) => {
    return (value: T) => {
      expect(serde.deserialize(serde.serialize(value))).toEqual(value)
      expect(valueFromText(serde, textOf(value))).toEqual(value)
    }
  }
  const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  fc.assert(fc.property(int64, comesBack(serdes.bigint, String)))
  fc.assert(fc.property(fc.integer(), comesBack(serdes.int32, String)))
  fc.assert(fc.property(fc.uuid(), comesBack(serdes.uuid, String)))
  const date = fc.date({ noInvalidDate: true })
  fc.assert(
    fc.property(
      date,
      comesBack(serdes.date, (value) => value.toISOString()),
    ),
  )
  fc.assert(
    fc.property(
      date,
      comesBack(serdes.date, (value) => String(value.getTime())),
    ),
  )
})

test.each<[string, Serde<never>, readonly unknown[]]>([
  ['bigint', serdes.bigint as Serde<never>, [2n ** 63n, -(2n ** 63n) - 1n, 1, '1', null]],
  ['int32', serdes.int32 as Serde<never>, [2 ** 31, 0.5, Number.NaN, '1', 1n, null]],
  ['uuid', serdes.uuid as Serde<never>, ['', '1-1-1-1-1', `${id}0`, `{${id}}`, null]],
  ['date', serdes.date as Serde<never>, [new Date(Number.NaN), 0, '2026-01-31', null]],
])('%s refuses what it has no bytes for', (_, serde, values) => {
  for (const value of values) expect(() => serde.serialize(value as never)).toThrow(encodeFailed)
})

test.each<[string, Serde<unknown>, readonly string[]]>([
  ['bigint', serdes.bigint as Serde<unknown>, ['', '00000000000000', '000000000000000000']],
  ['int32', serdes.int32 as Serde<unknown>, ['', '000000', '0000000000000001']],
  ['uuid', serdes.uuid as Serde<unknown>, ['', '00'.repeat(16), Buffer.from(`${id}\n`).toString('hex')]],
  ['date', serdes.date as Serde<unknown>, ['', '00000000', '7fffffffffffffff', '001eb208c2dc0001']],
])('%s refuses bytes that are no such value', (_, serde, bytes) => {
  for (const hex of bytes) expect(() => serde.deserialize(Buffer.from(hex, 'hex'))).toThrow(decodeFailed)
})

test.each<[string, Serde<unknown>, readonly string[]]>([
  ['bigint', serdes.bigint as Serde<unknown>, ['', ' ', '1.5', '0x10', '1n', '9223372036854775808']],
  ['int32', serdes.int32 as Serde<unknown>, ['', ' ', '1.5', '0x10', '2147483648']],
  ['uuid', serdes.uuid as Serde<unknown>, ['', id.slice(1), `${id} `]],
  ['date', serdes.date as Serde<unknown>, ['', 'today', '2026-01', '2026-01-31T18:41:18', '2026-13-01']],
])('%s refuses a text that means no such value', (_, serde, texts) => {
  for (const text of texts) expect(() => valueFromText(serde, text)).toThrow(decodeFailed)
})

test('a date is meant by a day, by a time with its zone, and by ms since the epoch', () => {
  const means = (text: string) => valueFromText(serdes.date, text).toISOString()
  expect(means(day)).toBe('2026-01-31T00:00:00.000Z')
  expect(means(afternoon)).toBe(afternoon)
  expect(means('2026-01-31T20:41:18.123+02:00')).toBe(afternoon)
  expect(means(String(Date.parse(afternoon)))).toBe(afternoon)
})

test('a UUID is the same in upper case', () => {
  expect(serdes.uuid.serialize(id.toUpperCase())).toEqual(serdes.uuid.serialize(id))
  expect(serdes.uuid.deserialize(Buffer.from(id.toUpperCase()))).toBe(id)
})

test('equal dates are one key of a store', () => {
  const keyOf = mapKeyOf(serdes.date)
  expect(keyOf(new Date(7))).toBe(keyOf(new Date(7)))
  expect(keyOf(new Date(7))).not.toBe(keyOf(new Date(8)))
})
