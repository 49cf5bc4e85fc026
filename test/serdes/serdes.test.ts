import fc from 'fast-check'
import * as v from 'valibot'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import type { Serde } from '../../src/serdes/serde.ts'
import { nonNull, nullable, serdes } from '../../src/serdes/serdes.ts'
import { windowedSerde } from '../../src/windows/windowed-serde.ts'

const bytes = (text: string) => Buffer.from(text)
const decodeFailed = expect.objectContaining({ code: 'DECODE_FAILED' })
const encodeFailed = expect.objectContaining({ code: 'ENCODE_FAILED' })

function comesBack<T>(serde: Serde<T>, values: fc.Arbitrary<T>): void {
  fc.assert(
    fc.property(values, (value) => {
      expect(serde.deserialize(serde.serialize(value))).toEqual(value)
    }),
  )
}

describe('serdes', () => {
  test('give back what they were given', () => {
    comesBack(serdes.string, fc.string({ unit: 'grapheme' }))
    comesBack(serdes.long, fc.maxSafeInteger())
    comesBack(
      serdes.double,
      fc.double().filter((value) => !Object.is(value, -0)),
    )
    // JSON knows no −0.
    comesBack(
      serdes.json(),
      fc.jsonValue().map((value): unknown => JSON.parse(JSON.stringify(value))),
    )
    const windowed = fc.record({ key: fc.string(), startMs: fc.maxSafeNat(), endMs: fc.maxSafeNat() })
    comesBack(windowedSerde(serdes.string), windowed)
  })

  test('order longs of one sign, and windows of one key, by their bytes', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (a, b) => {
        expect(Buffer.compare(serdes.long.serialize(a), serdes.long.serialize(b))).toBe(Math.sign(a - b))
      }),
    )
  })

  test('refuse bytes that are not of the type', () => {
    expect(() => serdes.string.deserialize(Buffer.from([0xff]))).toThrow(decodeFailed)
    expect(() => serdes.long.deserialize(bytes('123'))).toThrow(decodeFailed)
    expect(() => serdes.long.deserialize(Buffer.from('7fffffffffffffff', 'hex'))).toThrow(decodeFailed)
    expect(() => serdes.double.deserialize(bytes(''))).toThrow(decodeFailed)
    expect(() => serdes.json().deserialize(bytes('{"a":'))).toThrow(decodeFailed)
    expect(() => windowedSerde(serdes.string).deserialize(bytes('short'))).toThrow(decodeFailed)
    expect(() => windowedSerde(serdes.string).deserialize(Buffer.alloc(16, 0x7f))).toThrow(decodeFailed)
  })

  test('refuse values that are not of the type', () => {
    expect(() => serdes.long.serialize(0.5)).toThrow(encodeFailed)
    expect(() => serdes.long.serialize(2 ** 53)).toThrow(encodeFailed)
    expect(() => serdes.json().serialize(undefined)).toThrow(encodeFailed)
    expect(() => serdes.json<unknown>().serialize(1n)).toThrow(encodeFailed)
    expect(() => nullable(serdes.string).serialize(null)).toThrow(encodeFailed)
  })

  test.each([
    ['zod', serdes.json(z.object({ price: z.number().positive() }))],
    ['valibot', serdes.json(v.object({ price: v.pipe(v.number(), v.minValue(1)) }))],
  ])('check what is read by a schema of %s, and say which field is wrong', (_, serde) => {
    expectTypeOf(serde).toEqualTypeOf<Serde<{ price: number }>>()
    expect(serde.deserialize(bytes('{"price":2}'))).toEqual({ price: 2 })
    expect(() => serde.deserialize(bytes('{"price":0}'))).toThrow(/price/)
  })

  test('take the value that the schema makes', () => {
    const date = serdes.json(z.object({ at: z.iso.datetime().transform((text) => Date.parse(text)) }))
    expect(date.deserialize(bytes('{"at":"2026-01-31T18:41:18Z"}'))).toEqual({
      at: Date.UTC(2026, 0, 31, 18, 41, 18),
    })
  })

  test('refuse a schema that answers later', () => {
    const later = serdes.json(z.string().refine(async () => true))
    expect(() => later.deserialize(bytes('"a"'))).toThrow(/synchronous|async/i)
  })

  test('keep null out of the bytes', () => {
    expect(nullable(serdes.string).nullable).toBe(true)
    expect(nonNull(nullable(serdes.string)).nullable).toBeUndefined()
    expectTypeOf(nonNull(nullable(serdes.string))).toEqualTypeOf<Serde<string>>()
  })
})
