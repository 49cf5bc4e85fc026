import { describe, expect, test } from 'vitest'
import { calendar } from '../../src/windows/calendar-windows.ts'

const hourMs = 3_600_000
const at = (iso: string) => Date.parse(iso)
const text = (ms: number) => new Date(ms).toISOString()

function windowOf(unit: 'day' | 'week' | 'month', timeZone: string, iso: string) {
  const [window, ...more] = calendar({ unit, timeZone }).windowsFor(at(iso))
  expect(more).toEqual([])
  if (!window) throw new Error('each moment is in a window of a calendar')
  return [text(window.startMs), text(window.endMs)]
}

describe('the windows of a calendar', () => {
  test.each([
    [
      'a day in UTC',
      'day',
      'UTC',
      '2026-01-31T23:59:59.999Z',
      '2026-01-31T00:00:00.000Z',
      '2026-02-01T00:00:00.000Z',
    ],
    [
      'a day elsewhere',
      'day',
      'Europe/Copenhagen',
      '2018-08-09T00:30:00+02:00',
      '2018-08-08T22:00:00.000Z',
      '2018-08-09T22:00:00.000Z',
    ],
    [
      'its first moment',
      'day',
      'Asia/Kolkata',
      '2026-05-05T18:30:00Z',
      '2026-05-05T18:30:00.000Z',
      '2026-05-06T18:30:00.000Z',
    ],
    [
      'a day of 23 hours',
      'day',
      'Europe/Copenhagen',
      '2026-03-29T12:00:00Z',
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
    ],
    [
      'a day of 25 hours',
      'day',
      'Europe/Copenhagen',
      '2026-10-25T00:30:00Z',
      '2026-10-24T22:00:00.000Z',
      '2026-10-25T23:00:00.000Z',
    ],
    [
      'a day without midnight',
      'day',
      'America/Sao_Paulo',
      '2018-11-04T12:00:00Z',
      '2018-11-04T03:00:00.000Z',
      '2018-11-05T02:00:00.000Z',
    ],
    [
      'a day before one that a place has skipped',
      'day',
      'Pacific/Apia',
      '2011-12-30T08:00:00Z',
      '2011-12-29T10:00:00.000Z',
      '2011-12-30T10:00:00.000Z',
    ],
    [
      'the day of the epoch, west of it',
      'day',
      'America/New_York',
      '1970-01-01T00:00:00Z',
      '1969-12-31T05:00:00.000Z',
      '1970-01-01T05:00:00.000Z',
    ],
    [
      'a week, from Monday on',
      'week',
      'UTC',
      '2026-11-29T23:00:00Z',
      '2026-11-23T00:00:00.000Z',
      '2026-11-30T00:00:00.000Z',
    ],
    [
      'a week in which clocks change',
      'week',
      'America/New_York',
      '2026-11-01T12:00:00Z',
      '2026-10-26T04:00:00.000Z',
      '2026-11-02T05:00:00.000Z',
    ],
    [
      'a leap month',
      'month',
      'UTC',
      '2028-02-29T12:00:00Z',
      '2028-02-01T00:00:00.000Z',
      '2028-03-01T00:00:00.000Z',
    ],
    [
      'a month over the new year',
      'month',
      'Asia/Tokyo',
      '2025-12-31T15:00:00Z',
      '2025-12-31T15:00:00.000Z',
      '2026-01-31T15:00:00.000Z',
    ],
  ] as const)('are right for %s', (_, unit, timeZone, moment, start, end) => {
    expect(windowOf(unit, timeZone, moment)).toEqual([start, end])
  })

  test.each(['Europe/Copenhagen', 'America/Sao_Paulo', 'Australia/Lord_Howe', 'Pacific/Apia'])(
    'follow each other without a gap in %s, none longer than said, each known by its start',
    (timeZone) => {
      for (const unit of ['day', 'week', 'month'] as const) {
        const windows = calendar({ unit, timeZone })
        let [window] = windows.windowsFor(at('2010-12-30T00:00:00Z'))
        for (let n = 0; window && n < 400; n++) {
          expect(window.endMs - window.startMs).toBeGreaterThan(22 * hourMs)
          expect(window.endMs - window.startMs).toBeLessThanOrEqual(windows.sizeMsMax)
          expect(windows.windowsFor(window.startMs)).toEqual([window])
          expect(windows.windowsFor(window.endMs - 1)).toEqual([window])
          const [next] = windows.windowsFor(window.endMs)
          expect(next?.startMs).toBe(window.endMs)
          window = next
        }
      }
    },
  )

  test('are refused for a time zone or a unit that is none', () => {
    expect(() => calendar({ unit: 'day', timeZone: 'Europe/Kopenhagen' })).toThrow(
      expect.objectContaining({ code: 'BAD_TOPOLOGY', place: { parameter: 'timeZone' } }),
    )
    expect(() => calendar({ unit: 'year' as 'day', timeZone: 'UTC' })).toThrow(
      'unit must be "day" or "week" or "month"',
    )
  })
})
