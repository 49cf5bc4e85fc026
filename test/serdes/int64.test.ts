import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readInt64At, writeInt64 } from '../../src/serdes/int64.ts'

test('whole numbers are written as Kafka writes 64-bit integers, and read back', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      const bytes = Buffer.alloc(9)
      writeInt64(bytes, value, 1)
      expect(bytes.readBigInt64BE(1)).toBe(BigInt(value))
      expect(readInt64At(bytes, 1)).toBe(value)
    }),
  )
})
