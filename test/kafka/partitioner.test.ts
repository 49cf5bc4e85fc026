import { expect, test } from 'vitest'
import { murmur2, partitionFor } from '../../src/kafka/partitioner.ts'

test("hashes as Java's murmur2 does", () => {
  // Source: Kafka's `UtilsTest.testMurmur2`.
  const cases: readonly (readonly [string, number])[] = [
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ]
  for (const [key, hash] of cases) expect(murmur2(Buffer.from(key)), key).toBe(hash)
})

test('gives a key the same partition always, within range', () => {
  for (let i = 0; i < 500; i++) {
    const key = Buffer.from(`key ${i}`)
    const partition = partitionFor(key, 7)
    expect(partition).toBe(partitionFor(Buffer.from(key), 7))
    expect(partition).toBeGreaterThanOrEqual(0)
    expect(partition).toBeLessThan(7)
  }
})

test('spreads records without key as the caller counts', () => {
  expect([0, 1, 2, 3].map((keyless) => partitionFor(null, 3, keyless))).toEqual([0, 1, 2, 0])
})
