import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { batchFault, makeBatch, placeBatch, readBatchHeader } from '../../../src/broker/log/record-batch.ts'
import { deleteHorizonOf, encodeBatch, filterBatch, readRecords } from '../../../src/broker/log/records.ts'
import { compressorOf } from '../../../src/compression/compression.ts'
import { crc32c } from '../../../src/kafka/crc32c.ts'
import { batchOf } from '../support.ts'

const bytes = fc.option(fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)))
const records = fc.array(fc.record({ key: bytes, value: bytes }), { minLength: 1, maxLength: 30 })

describe('CRC-32C', () => {
  test.each([
    ['', 0],
    ['123456789', 0xe3069283],
    ['The quick brown fox jumps over the lazy dog', 0x22620404],
  ])('of %j is the published one', (text, crc) => {
    expect(crc32c(Buffer.from(text))).toBe(crc)
  })

  test('of a range is that of its bytes alone', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), fc.nat(200), (array, a, b) => {
        const [start, end] = [Math.min(a, b, array.length), Math.min(Math.max(a, b), array.length)]
        expect(crc32c(array, start, end)).toBe(crc32c(array.slice(start, end)))
      }),
    )
  })
})

describe('a record batch', () => {
  test('gives back the records that it was made of', () => {
    fc.assert(
      fc.property(records, fc.integer({ min: 0, max: 2 ** 45 }), (made, baseOffset) => {
        const batch = encodeBatch(made, { timestampMs: 1_700_000_000_000 })
        placeBatch(batch, baseOffset, 0)
        expect(batchFault(batch)).toBeUndefined()
        expect(readRecords(batch).map(({ key, value, offset }) => ({ key, value, offset }))).toEqual(
          made.map((record, i) => ({ ...record, offset: baseOffset + i })),
        )
      }),
    )
  })

  test('with any bit changed behind its place is found faulty', () => {
    fc.assert(
      fc.property(records, fc.nat(), (made, at) => {
        const batch = encodeBatch(made, { timestampMs: 1 })
        const bit = 16 * 8 + (at % ((batch.length - 16) * 8))
        batch[bit >>> 3] = (batch[bit >>> 3] ?? 0) ^ (1 << (bit & 7))
        expect(batchFault(batch)).toBeDefined()
      }),
    )
  })

  test('keeps its offsets when records are taken out, compressed or not', async () => {
    const plain = encodeBatch(
      ['a', 'b', 'c', 'd'].map((value) => ({ key: null, value: Buffer.from(value) })),
      { timestampMs: 5 },
    )
    const header = readBatchHeader(plain)
    const zipped = makeBatch({ ...header, attributes: 1 }, gzipSync(plain.subarray(61)))
    for (const batch of [plain, zipped]) {
      placeBatch(batch, 100, 0)
      const kept = readRecords(batch).filter(({ value }) => String(value) === 'b' || String(value) === 'd')
      const filtered = filterBatch(batch, kept, {
        compressor: await compressorOf(batch === zipped ? 'gzip' : 'none'),
      })
      expect(batchFault(filtered)).toBeUndefined()
      const { attributes } = readBatchHeader(batch)
      expect(readBatchHeader(filtered)).toMatchObject({
        ...{ baseOffset: 100, lastOffset: 103, recordCount: 2, attributes },
      })
      expect(readRecords(filtered).map(({ offset, value }) => [offset, String(value)])).toEqual([
        [101, 'b'],
        [103, 'd'],
      ])
    }
  })

  test('says when its tombstones may go, and its records keep their times', () => {
    const batch = batchOf(
      [
        { key: 'a', value: '1' },
        { key: 'b', value: null },
      ],
      { timestampMs: 5_000 },
    )
    for (const deleteHorizonMs of [0, 4_999, 5_000 + 86_400_000]) {
      const told = filterBatch(batch, readRecords(batch), { compressor: undefined, deleteHorizonMs })
      expect(batchFault(told)).toBeUndefined()
      expect(deleteHorizonOf(readBatchHeader(told))).toBe(deleteHorizonMs)
      const shown = (of: Buffer) => readRecords(of).map(({ bytes, ...record }) => record)
      expect(shown(told)).toEqual(shown(batch))
    }
    expect(deleteHorizonOf(readBatchHeader(batch))).toBeUndefined()
  })
})
