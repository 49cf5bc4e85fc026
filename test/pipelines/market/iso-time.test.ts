import { describe, expect, test } from 'vitest'
import { isoOfMicroseconds, millisecondsOfIso } from '../../../pipelines/market/iso-time.ts'

describe('millisecondsOfIso', () => {
  test.each([
    ['2026-01-31T18:41:18.123456Z', Date.UTC(2026, 0, 31, 18, 41, 18, 123)],
    ['2024-02-29T23:59:59Z', Date.UTC(2024, 1, 29, 23, 59, 59)],
    ['1900-01-01T00:00:00.5Z', Date.UTC(1900, 0, 1, 0, 0, 0, 500)],
    ['2199-12-31T23:59:59.999999999Z', Date.UTC(2199, 11, 31, 23, 59, 59, 999)],
  ])('reads %s', (time, timestampMs) => {
    expect(millisecondsOfIso(time)).toBe(timestampMs)
  })

  test.each([
    '2026-02-30T10:00:00Z',
    '2025-02-29T10:00:00Z',
    '2026-04-31T10:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T23:60:00Z',
    '2026-01-01T23:59:60Z',
    '2026-00-01T00:00:00Z',
    '2300-01-01T00:00:00Z',
    '10000-01-01T00:00:00Z',
    '+010000-01-01T00:00:00Z',
    '2026-01-01T00:00:00+00:00',
    '2026-01-01T00:00:00',
    '2026-01-01',
    '',
  ])('does not take %j for a time that all can hold', (time) => {
    expect(millisecondsOfIso(time)).toBeNaN()
  })

  test('reads what is written here', () => {
    const timestampUs = 1_769_884_878_123_456
    expect(millisecondsOfIso(isoOfMicroseconds(timestampUs))).toBe(Math.floor(timestampUs / 1_000))
  })
})
