import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Serde } from '../../src/serdes/serde.ts'
import { nonNull, nullable, serdes, valueFromText } from '../../src/serdes/serdes.ts'

const notDecoded = expect.objectContaining({ code: 'DECODE_FAILED' })

describe('a value meant by a text', () => {
  test('is a string as it is, and a number by its digits', () => {
    const means = <T>(serde: Serde<T>) => {
      return (value: T) => {
        expect(valueFromText(serde, `${value}`)).toBe(value)
      }
    }
    fc.assert(fc.property(fc.string(), means(serdes.string)))
    fc.assert(fc.property(fc.maxSafeInteger(), means(serdes.long)))
    const double = fc.double({ noNaN: true }).filter((x) => !Object.is(x, -0))
    fc.assert(fc.property(double, means(serdes.double)))
  })

  test.each(['', ' ', '1.5', '0x10', '9007199254740993', 'one'])('is no long: %j', (text) => {
    expect(() => valueFromText(serdes.long, text)).toThrow(notDecoded)
  })

  test.each(['', ' ', 'one', '1,5'])('is no double: %j', (text) => {
    expect(() => valueFromText(serdes.double, text)).toThrow(notDecoded)
  })

  test('is JSON, or a string without its quotes, and what the schema allows', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        // JSON knows no -0.
        expect(valueFromText(serdes.json(), JSON.stringify(value))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
    expect(valueFromText(serdes.json(), 'BTC')).toBe('BTC')
    expect(() => valueFromText(serdes.json(z.number()), 'BTC')).toThrow(notDecoded)
  })

  test('is found through nulls on both sides, and by UTF-8 where the serde says nothing', () => {
    expect(valueFromText(nullable(serdes.long), '7')).toBe(7)
    expect(valueFromText(nonNull(nullable(serdes.long)), '7')).toBe(7)
    expect(() => valueFromText(nonNull(serdes.json()), 'null')).toThrow(notDecoded)
    const upper: Serde<string> = {
      name: 'upper',
      serialize: (value) => Buffer.from(value),
      deserialize: (bytes) => bytes.toString('utf8').toUpperCase(),
    }
    expect(valueFromText(upper, 'grün')).toBe('GRÜN')
  })
})
