import { expect, test } from 'vitest'
import { changeSerde } from '../../src/serdes/change-serde.ts'
import { joinParts, splitParts } from '../../src/serdes/parts.ts'
import { serdes } from '../../src/serdes/serdes.ts'

const whole = joinParts(Buffer.from('a'), Buffer.alloc(0), Buffer.from('bc'))

test('parts are told apart again', () => {
  expect(splitParts(whole).map(String)).toEqual(['a', '', 'bc'])
})

test('parts of which something is missing are refused', () => {
  const decodeFailed = expect.objectContaining({ code: 'DECODE_FAILED' })
  for (const length of [2, 3, 11, 14])
    expect(() => splitParts(whole.subarray(0, length))).toThrow(decodeFailed)
  expect(() => changeSerde(serdes.long).deserialize(Buffer.from('{""'))).toThrow(decodeFailed)
})
