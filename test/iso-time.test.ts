import { expect, test } from 'vitest'
import { isoMs } from '../src/iso-time.ts'

test.each([
  ['2026-01-31', Date.UTC(2026, 0, 31)],
  ['2024-02-29T10:00:00Z', Date.UTC(2024, 1, 29, 10)],
  ['2026-01-31T23:30:00-01:00', Date.UTC(2026, 1, 1, 0, 30)],
  ['+012026-01-31', Date.UTC(12026, 0, 31)],
])('%s is a time', (text, ms) => {
  expect(isoMs(text)).toBe(ms)
})

test.each(['2026-02-30', '2026-02-30T10:00:00Z', '2025-02-29T10:00:00+01:00', '2026-13-01', 'soon', ''])(
  '%j is none',
  (text) => {
    expect(isoMs(text)).toBeNaN()
  },
)
