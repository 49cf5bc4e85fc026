import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RowWriter } from '../../src/clickhouse/row-writer.ts'

function written(write: (writer: RowWriter) => void): Buffer {
  const writer = new RowWriter()
  write(writer)
  return writer.bytes
}

describe('a number', () => {
  test('of 64 bits comes back, signed or not, as a number or larger than that', () => {
    const of = (value: number | bigint) => written((writer) => writer.integer64(value))
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(of(value).readBigInt64LE()).toBe(BigInt(value))
      }),
    )
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        expect(of(value).readBigUInt64LE()).toBe(value)
      }),
    )
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        expect(of(value).readBigInt64LE()).toBe(value)
      }),
    )
  })

  test.each([
    [8, -128, (bytes: Buffer) => bytes.readInt8()],
    [8, 255, (bytes: Buffer) => bytes.readUInt8()],
    [16, -32_768, (bytes: Buffer) => bytes.readInt16LE()],
    [16, 65_535, (bytes: Buffer) => bytes.readUInt16LE()],
    [32, -(2 ** 31), (bytes: Buffer) => bytes.readInt32LE()],
    [32, 2 ** 32 - 1, (bytes: Buffer) => bytes.readUInt32LE()],
  ] as const)('of %i bits comes back: %i', (bits, value, read) => {
    const bytes = written((writer) => writer.integer(value, bits))
    expect(bytes).toHaveLength(bits / 8)
    expect(read(bytes)).toBe(value)
  })
})

test('a text of any length and any characters stands behind its length in bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (value) => {
      const utf8 = Buffer.from(value)
      const length = written((writer) => writer.count(utf8.length))
      expect(written((writer) => writer.text(value))).toEqual(Buffer.concat([length, utf8]))
    }),
  )
})

test('a count has seven bits in each byte, the lowest first', () => {
  const of = (value: number) => [...written((writer) => writer.count(value))]
  expect([0, 127, 128, 300, 16_384].map(of)).toEqual([[0], [127], [128, 1], [172, 2], [128, 128, 1]])
})

test('what is cut off is written over, and what was written before is kept while the buffer grows', () => {
  const writer = new RowWriter()
  writer.text('kept')
  writer.text('x'.repeat(5_000))
  writer.cut(5)
  for (let i = 0; i < 3_000; i++) writer.integer(i % 10, 8)
  expect([...writer.bytes.subarray(0, 5)]).toEqual([4, ...Buffer.from('kept')])
  expect([...writer.bytes.subarray(5)]).toEqual(Array.from({ length: 3_000 }, (_, i) => i % 10))
})
