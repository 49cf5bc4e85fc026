import { expect, test } from 'vitest'
import { pointsEach } from '../../../../pipelines/market/api/limits.ts'

test('each symbol has as many points as are wanted, while there is room for all', () => {
  expect(pointsEach(600, [1_000_000, 5])).toBe(600)
  expect(pointsEach(Number.POSITIVE_INFINITY, [60_000, 40_000])).toBe(Number.POSITIVE_INFINITY)
})

test('beyond, each has its share of a hundred thousand, and with many symbols of fewer: each row has a cell for each', () => {
  expect(pointsEach(Number.POSITIVE_INFINITY, [60_000, 40_001])).toBe(50_000)
  expect(pointsEach(100_000, Array(100).fill(100_000))).toBe(500)
})

test('nobody has traded', () => {
  expect(pointsEach(5, [])).toBe(5)
})
