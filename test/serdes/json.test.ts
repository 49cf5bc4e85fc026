import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { isExactNumber } from '../../src/serdes/exact-json.ts'
import { serdes } from '../../src/serdes/serdes.ts'
import { shape } from '../../src/serdes/shape.ts'

const json = serdes.json<unknown>()
const encodeFailed = (message: RegExp) =>
  expect.objectContaining({ code: 'ENCODE_FAILED', message: expect.stringMatching(message) })
const decodeFailed = (message: RegExp) =>
  expect.objectContaining({ code: 'DECODE_FAILED', message: expect.stringMatching(message) })

function nested(depth: number): unknown {
  return JSON.parse('['.repeat(depth) + ']'.repeat(depth))
}

describe('what JSON would not give back as it is', () => {
  class Point {
    x = Number.NaN
  }
  const circle: { self?: unknown } = {}
  circle.self = circle

  test.each([
    ['NaN', { best: [1, Number.NaN] }, /best\.1 is NaN/],
    ['−Infinity', { best: Number.NEGATIVE_INFINITY }, /best is -Infinity/],
    ['an integer beyond 2^53', { id: 2 ** 53 }, /id is 9007199254740992, an integer beyond 2\^53/],
    ['a bigint', { id: 1n }, /id is of type bigint/],
    ['undefined in a list', { list: [undefined] }, /list\.0 is of type undefined/],
    ['a hole in a list', new Array(1), /0 is of type undefined/],
    ['a function', { f: () => 1 }, /f is of type function/],
    ['a symbol', { s: Symbol('s') }, /s is of type symbol/],
    ['a Map', { m: new Map() }, /m is a Map/],
    ['a Set', { s: new Set() }, /s is a Set/],
    ['bytes', { b: new Uint8Array(2) }, /b is a Uint8Array/],
    ['a Buffer', { b: Buffer.from('b') }, /b is a Buffer/],
    ['a Date without a schema', { at: new Date(0) }, /at is a Date/],
    ['a field of an object of a class', new Point(), /x is NaN/],
    ['half of a surrogate pair', { text: '\ud83d' }, /text is half of a surrogate pair/],
    ['a name with half of a surrogate pair', { a: { '\udc00': 1 } }, /name at a is half/],
    ['what is nested too deeply', nested(5_000), /nested more than 1000 deep/],
    ['a circle', circle, /nested/],
  ])('is refused when it is written: %s', (_, value, message) => {
    expect(() => json.serialize(value)).toThrow(encodeFailed(message))
  })

  test.each([
    ['an integer beyond 2^53', '{"TransId":73314510714175488}', /TransId is 73314510714175490, an integer/],
    ['a number that is none here', '[1e400]', /0 is Infinity/],
    ['half of a surrogate pair', String.raw`{"text":"\ud800"}`, /text is half of a surrogate pair/],
    ['what is nested too deeply', '['.repeat(5_000) + ']'.repeat(5_000), /nested more than 1000 deep/],
  ])('is refused when it is read: %s', (_, text, message) => {
    expect(() => json.deserialize(Buffer.from(text))).toThrow(decodeFailed(message))
    const flat = shape({ TransId: 'number', text: 'string' })
    expect(() => flat.deserialize(Buffer.from(text))).toThrow(
      expect.objectContaining({ code: 'DECODE_FAILED' }),
    )
  })

  test('is told from what it does give back', () => {
    const values = [
      'pairs 😀',
      { a: undefined, b: null, c: [], d: {}, e: -1.5e300, f: 1e21, g: 2 ** 53 - 1, h: '\\ud800' },
      Object.create(null),
      nested(900),
    ]
    for (const value of values) expect(json.deserialize(json.serialize(value))).toEqual(value)
  })

  test('may have JSON of its own where a schema reads it', () => {
    const dated = serdes.json(z.object({ at: z.iso.datetime().transform((text) => new Date(text)) }))
    const value = { at: new Date(0) }
    expect(dated.deserialize(dated.serialize(value))).toEqual(value)
    expect(() => serdes.json(z.any()).serialize([Number.NaN])).toThrow(encodeFailed(/0 is NaN/))
  })

  test('is refused in flat JSON too', () => {
    const flat = shape({ n: 'number', s: 'string' })
    for (const n of [Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])
      expect(() => flat.serialize({ n, s: '' })).toThrow(encodeFailed(/n is/))
    expect(() => flat.serialize({ n: 1, s: '\ud800' })).toThrow(encodeFailed(/s is half/))
  })

  test('is refused as text', () => {
    expect(() => serdes.string.serialize('a\udc00')).toThrow(encodeFailed(/surrogate/))
    expect(serdes.string.deserialize(serdes.string.serialize('😀ä'))).toBe('😀ä')
  })

  test('is the only thing that is refused', () => {
    const isExact = (value: unknown): boolean =>
      typeof value !== 'object' || value === null
        ? typeof value !== 'number' || isExactNumber(value)
        : Object.values(value).every(isExact)
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        // JSON knows no −0.
        const plain: unknown = JSON.parse(JSON.stringify(value))
        if (isExact(plain)) expect(json.deserialize(json.serialize(plain))).toEqual(plain)
        else expect(() => json.serialize(plain)).toThrow(encodeFailed(/beyond/))
      }),
    )
  })
})

describe('JSON with bigints', () => {
  const large = serdes.jsonBigint<unknown>()

  test('gives them back, and all else', () => {
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.maxSafeInteger(),
        fc.bigInt().filter((n) => n > 2n ** 53n || n < -(2n ** 53n)),
        fc.string({ unit: fc.constantFrom('\u0000', '"', '\\', '1', ':', 'u', ' ', 'ä') }),
        fc.constantFrom(null, true, 0.1234567890123456, -1e-300, 1e300),
        fc.array(tie('value')),
        fc.dictionary(fc.string({ unit: fc.constantFrom('\u0000', '"', '\\', '1', ':') }), tie('value'), {
          noNullPrototype: true,
        }),
      ),
    }))
    fc.assert(
      fc.property(value, (each) => {
        expect(large.deserialize(large.serialize(each))).toEqual(each)
      }),
    )
  })

  test('writes and reads them as digits', () => {
    const text = '{"TransId":73314510714175488,"amount":0.1234567890123456789}'
    expect(large.deserialize(Buffer.from(text))).toEqual({
      TransId: 73314510714175488n,
      amount: 0.12345678901234568,
    })
    expect(large.serialize({ id: 2n ** 64n }).toString()).toBe('{"id":18446744073709551616}')
  })

  test('refuses those that would come back as numbers', () => {
    expect(() => large.serialize({ id: 1n })).toThrow(encodeFailed(/1n would come back as a number/))
  })
})
