import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FieldWriter } from '../../src/clickhouse/field-writer.ts'

function written(write: (writer: FieldWriter) => void): string {
  const writer = new FieldWriter()
  write(writer)
  return writer.bytes.toString()
}

/** Prices and sizes as people write them: few digits, some behind the point. */
const decimal = fc
  .tuple(fc.integer({ min: -999_999_999, max: 999_999_999 }), fc.integer({ min: 0, max: 12 }))
  .map(([digits, decimals]) => digits / 10 ** decimals)

describe('a number', () => {
  test('is a decimal that is this number again', () => {
    fc.assert(
      fc.property(fc.oneof(decimal, fc.double({ noDefaultInfinity: true, noNaN: true })), (value) => {
        expect(Number(written((writer) => writer.decimal(value)))).toBe(value)
      }),
      { numRuns: 2_000 },
    )
  })

  test('is written as JavaScript writes it, where that has no exponent', () => {
    fc.assert(
      fc.property(decimal, (value) => {
        fc.pre(!`${value}`.includes('e') && !Object.is(value, -0))
        expect(written((writer) => writer.decimal(value))).toBe(`${value}`)
      }),
      { numRuns: 2_000 },
    )
  })

  test.each([
    [0, '0'],
    [-0, '-0'],
    [0.1, '0.1'],
    [-0.00000001, '-0.00000001'],
    [0.1 + 0.2, '0.30000000000000004'],
    [9_999_999.99999999, '9999999.99999999'],
    [10_000_000.00000001, '10000000.00000001'],
    [1e300, '1e+300'],
    [5e-324, '5e-324'],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'],
  ])('%d is %s', (value, text) => {
    expect(written((writer) => writer.decimal(value))).toBe(text)
  })

  test.each([0, 9, 10, 2 ** 31 - 1, 2 ** 31, -1, Number.MAX_SAFE_INTEGER, 2n ** 64n - 1n])(
    '%s is an integer',
    (value) => {
      expect(written((writer) => writer.integer(value))).toBe(`${value}`)
    },
  )
})

test('a text of any length and any characters comes back when its escapes are taken off', () => {
  const back: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', 0: '\0', '\\': '\\' }
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 120 }), (value) => {
      const text = written((writer) => writer.text(value))
      expect(text).not.toMatch(/[\t\n\r\0]/)
      expect(text.replace(/\\(.)/g, (_, code) => back[code] ?? '?')).toBe(Buffer.from(value).toString())
    }),
  )
})

test('what is cut off is written over, and what was written before is kept while the buffer grows', () => {
  const writer = new FieldWriter()
  writer.ascii('kept')
  writer.text('x'.repeat(5_000))
  writer.cut(4)
  for (let i = 0; i < 3_000; i++) writer.integer(i % 10)
  expect(writer.bytes.toString()).toBe(`kept${'0123456789'.repeat(300)}`)
})
