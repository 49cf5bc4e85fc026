import { expect, test } from 'vitest'
import { LagTrend } from '../../src/runtime/lag-trend.ts'

/** Of lags that were noted every two seconds. */
function catchesUpInMs(...lags: number[]): number | undefined {
  const trend = new LagTrend()
  for (const [i, lag] of lags.entries()) trend.note(lag, i * 2_000)
  return trend.catchesUpInMs
}

test('a lag that falls steadily is gone when it has fallen on for long enough', () => {
  expect(catchesUpInMs(800, 700, 600, 500, 400)).toBe(8_000)
})

test('what stood and goes on is measured from where it has turned', () => {
  expect(catchesUpInMs(600, 700, 800, 900, 600, 300)).toBe(2_000)
})

test.each([
  ['stands', [500, 500, 500]],
  ['grows', [500, 600, 700]],
  ['grows, with a batch that makes it less for a moment', [500, 700, 900, 1_100, 1_050]],
])('a lag that %s has no end in sight', (_, lags) => {
  expect(catchesUpInMs(...lags)).toBeUndefined()
})

test('none is no lag, and of one look nothing follows', () => {
  expect(catchesUpInMs(500, 0)).toBe(0)
  expect(catchesUpInMs(500)).toBeUndefined()
  expect(catchesUpInMs()).toBeUndefined()
})
