import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isExactNumber } from '../../src/serdes/exact-json.ts'
import { shape } from '../../src/serdes/shape.ts'

const serde = shape({ name: 'string', price: 'number', side: ['buy', 'sell'] }, ({ price }) =>
  price >= 0 ? undefined : 'price must not be negative',
)
const decode = (text: string) => serde.deserialize(Buffer.from(text))
const value = fc.record({
  name: fc.string({ unit: 'grapheme' }),
  price: fc.oneof(
    fc.double({ min: 0, max: 2 ** 53 - 1, noNaN: true, noDefaultInfinity: true }),
    fc.integer({ min: 0, max: 10 ** 9 }).map((n) => n / 10_000),
  ),
  side: fc.constantFrom('buy' as const, 'sell' as const),
})

describe('a serde of one shape', () => {
  test('reads what it wrote, whatever is in the texts and however long the numbers are', () => {
    fc.assert(
      fc.property(value, (given) => {
        expect(serde.deserialize(serde.serialize(given))).toEqual(given)
      }),
    )
  })

  test('writes what JSON.stringify writes', () => {
    fc.assert(
      fc.property(value, (given) => {
        expect(serde.serialize(given).toString()).toBe(JSON.stringify(given))
      }),
    )
  })

  test('reads JSON in any form the way JSON.parse does', () => {
    fc.assert(
      fc.property(value, fc.integer({ min: 0, max: 3 }), ({ name, price, side }, indent) => {
        const text = JSON.stringify({ side, price, name }, null, indent)
        expect(decode(text)).toMatchObject({ name, price, side })
      }),
    )
  })

  test('reads numbers exactly as JSON.parse does, or refuses what JSON.parse refuses', () => {
    const numberLike = fc.string({
      unit: fc.constantFrom('0', '1', '9', '.', '-', 'e'),
      minLength: 1,
      maxLength: 18,
    })
    fc.assert(
      fc.property(numberLike, (number) => {
        const text = `{"name":"a","price":${number},"side":"buy"}`
        let expected: unknown
        try {
          expected = (JSON.parse(text) as { price: number }).price
        } catch {
          expected = undefined
        }
        if (typeof expected === 'number' && expected >= 0 && isExactNumber(expected))
          expect(decode(text).price).toBe(expected)
        else expect(() => decode(text)).toThrow(expect.objectContaining({ code: 'DECODE_FAILED' }))
      }),
      { numRuns: 2_000 },
    )
  })

  test.each([
    ['', 'Unexpected end'],
    ['null', 'it is null'],
    ['[]', 'name is undefined, not a string'],
    ['{"name":"a","price":"1","side":"buy"}', 'price is "1", not a finite number'],
    ['{"name":"a","price":1,"side":"hold"}', 'side is "hold", not one of buy, sell'],
    ['{"name":"a","price":1e999,"side":"buy"}', 'price'],
    ['{"name":"a","price":-1,"side":"buy"}', 'price must not be negative'],
    ['{"name":"a","price":1,"side":"buy"} ', undefined],
    ['{"name":"a","price":1,"side":"buy"}x', 'not json'],
  ])('says why %j is not one', (text, why) => {
    if (why === undefined) expect(decode(text)).toEqual({ name: 'a', price: 1, side: 'buy' })
    else expect(() => decode(text)).toThrow(why)
  })

  test('refuses bytes that are no UTF-8', () => {
    expect(() => serde.deserialize(Buffer.from([0x7b, 0xff, 0xfe]))).toThrow(
      expect.objectContaining({ code: 'DECODE_FAILED' }),
    )
  })

  test('does not write what is not of the shape', () => {
    expect(() => serde.serialize({ name: 'a', price: Number.NaN, side: 'buy' })).toThrow(
      expect.objectContaining({ code: 'ENCODE_FAILED', message: expect.stringContaining('price is NaN') }),
    )
  })
})
