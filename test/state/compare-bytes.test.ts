import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compareBytes } from '../../src/state/compare-bytes.ts'

test('bytes are in the order that Buffer.compare gives them', () => {
  const bytes = fc.uint8Array({ max: 3, maxLength: 4 })
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b))
    }),
  )
})
