import { expect, test } from 'vitest'
import { durationText, progressText, rateText } from '../../../src/app/terminal/progress-text.ts'

test('progress is told with its share, its pace and how long it still takes', () => {
  expect(progressText({ done: 540_000, of: 1_200_000 }, 80_000)).toBe(
    '45 % of 1,200,000, 80,000/s, 8.3 s left',
  )
})

test('what is not known yet is left out, and what stands has no end in sight', () => {
  expect(progressText({ done: 1, of: 3 }, undefined)).toBe('33 % of 3')
  expect(progressText({ done: 1, of: 3 }, 0)).toBe('33 % of 3, 0/s')
  expect(progressText({ done: 0, of: 0 }, undefined)).toBe('100 % of 0')
})

test.each([
  [0.123, '0.12/s'],
  [9.96, '10/s'],
  [1_234.5, '1,235/s'],
])('%f a second is %s', (perSecond, text) => {
  expect(rateText(perSecond)).toBe(text)
})

test.each([
  [0.81, '0.9 s'],
  [59.2, '1 min 0 s'],
  [90, '1 min 30 s'],
  [7_260, '2 h 1 min'],
])('%f seconds are %s', (seconds, text) => {
  expect(durationText(seconds)).toBe(text)
})
