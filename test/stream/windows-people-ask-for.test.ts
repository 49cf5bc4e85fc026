import { describe, expect, test } from 'vitest'
import { serdes } from '../../src/serdes/serdes.ts'
import { describeAsText } from '../../src/stream/describe.ts'
import { diffTopologies } from '../../src/stream/diff.ts'
import { topic } from '../../src/stream/topic.ts'
import { topology } from '../../src/stream/topology.ts'
import type { WindowedByOptions } from '../../src/stream/windowed-aggregation.ts'
import { TestDriver } from '../../src/testing/test-driver.ts'
import { calendar } from '../../src/windows/calendar-windows.ts'
import { customWindows, unlimited, type Windows } from '../../src/windows/custom-windows.ts'
import { hopping, type TimeWindows, tumbling } from '../../src/windows/windows.ts'

const dayMs = 86_400_000
const input = topic('in', { key: serdes.string, value: serdes.string })
const output = topic('out', { key: serdes.string, value: serdes.nullable(serdes.long) })

const appOf = (windows: TimeWindows | Windows, options: WindowedByOptions = {}) =>
  topology('windows', ({ stream }) => {
    stream(input)
      .groupByKey()
      .windowedBy(windows, options)
      .count('seen')
      .toStream()
      .map((count, { startMs, endMs }) => [`${startMs}..${endMs}`, count])
      .to(output)
  })

/** What each window has last, of records at these times. */
function counted(windows: TimeWindows | Windows, timesMs: readonly number[], options?: WindowedByOptions) {
  const driver = new TestDriver(appOf(windows, options))
  for (const timestampMs of timesMs) driver.pipe(input, { key: 'k', value: 'x', timestampMs })
  const rows = driver.read(output).map(({ key, value }) => [key, value] as const)
  return { rows, last: Object.fromEntries(rows), dropped: driver.dropped }
}

const pairs = customWindows({
  name: 'pairs of odd length',
  sizeMsMax: 7,
  // [0, 3), [3, 10), [10, 13), [13, 20), …
  windowsFor(timestampMs) {
    const tenMs = Math.floor(timestampMs / 10) * 10
    return timestampMs - tenMs < 3
      ? [{ startMs: tenMs, endMs: tenMs + 3 }]
      : [{ startMs: tenMs + 3, endMs: tenMs + 10 }]
  },
})

describe('windows with an offset', () => {
  test('begin so much later than at the epoch, the one before it too', () => {
    const { last } = counted(tumbling({ sizeMs: 10, offsetMs: 3 }), [0, 2, 3, 12, 13])
    expect(last).toEqual({ '-7..3': 2, '3..13': 2, '13..23': 1 })
  })

  test('are the same for offsets that are whole windows apart, either way', () => {
    for (const offsetMs of [3, 13, -7])
      expect(tumbling({ sizeMs: 10, offsetMs })).toEqual(tumbling({ sizeMs: 10, offsetMs: 3 }))
    expect(tumbling({ sizeMs: 10, offsetMs: 20 })).toEqual(tumbling({ sizeMs: 10 }))
    expect(() => tumbling({ sizeMs: 10, offsetMs: 0.5 })).toThrow('offsetMs must be a whole number')
  })

  test('overlap where they hop', () => {
    const { last } = counted(hopping({ sizeMs: 10, advanceMs: 5, offsetMs: 2, graceMs: 10 }), [6, 11])
    expect(last).toEqual({ '-3..7': 1, '2..12': 2, '7..17': 1 })
  })

  test('are one local day where the clocks of a place do not change', () => {
    const times = ['2018-08-09T00:30:00+02:00', '2018-08-09T23:59:00+02:00'].map((iso) => Date.parse(iso))
    const { last } = counted(tumbling({ sizeMs: dayMs, offsetMs: 22 * 3_600_000 }), times)
    expect(Object.values(last)).toEqual([2])
  })
})

describe('windows of a calendar', () => {
  test('count over a day of 23 and one of 25 hours', () => {
    const windows = calendar({ unit: 'day', timeZone: 'Europe/Copenhagen' })
    const times = [
      '2026-03-29T00:00:00+01:00',
      '2026-03-29T23:59:00+02:00',
      '2026-10-25T00:00:00+02:00',
      '2026-10-25T23:59:00+01:00',
    ]
    const { rows, dropped } = counted(
      windows,
      times.map((iso) => Date.parse(iso)),
    )
    expect(rows.map(([, count]) => count)).toEqual([1, 2, 1, 2])
    expect(
      rows
        .map(([key]) => key?.split('..').map(Number))
        .map(([start = 0, end = 0]) => (end - start) / 3_600_000),
    ).toEqual([23, 23, 25, 25])
    expect(dropped).toBe(0)
  })

  test('close at their own ends: each is emitted once, whatever its length', () => {
    const windows = calendar({ unit: 'month', timeZone: 'UTC' })
    const times = ['2026-01-15', '2026-02-01', '2026-02-28', '2026-03-01', '2026-03-31', '2026-04-01']
    const { rows } = counted(
      windows,
      times.map((iso) => Date.parse(iso)),
      { emit: 'onWindowClose' },
    )
    expect(
      rows.map(([key, count]) => [new Date(Number(key?.split('..')[0])).getUTCMonth() + 1, count]),
    ).toEqual([
      [1, 1],
      [2, 2],
      [3, 2],
    ])
  })
})

describe('an unlimited window', () => {
  test('takes whatever comes from its start on, never closes, and drops what comes before, counted', () => {
    const { last, dropped } = counted(unlimited({ startMs: 100 }), [99, 100, 9_000_000_000_000, 101])
    expect(last).toEqual({ [`100..${Number.MAX_SAFE_INTEGER}`]: 3 })
    expect(dropped).toBe(1)
    expect(counted(unlimited(), [1, 9_000_000_000_000], { emit: 'onWindowClose' }).rows).toEqual([])
  })
})

describe("windows of one's own", () => {
  test('are as long as each of them says, and late for themselves', () => {
    const { last, dropped } = counted(pairs, [0, 2, 3, 9, 12, 9, 4])
    expect(last).toEqual({ '0..3': 2, '3..10': 2, '10..13': 1 })
    expect(dropped).toBe(2)
  })

  test('are emitted each at its end, also when time jumps', () => {
    const times = [0, 1, 3, 10, 11, 13, 500]
    const { rows } = counted(pairs, times, { emit: 'onWindowClose' })
    expect(rows).toEqual([
      ['0..3', 2],
      ['3..10', 1],
      ['10..13', 2],
      ['13..20', 1],
    ])
  })

  test("that throw, or know no window by its start, fail with the record's place", () => {
    const odd = customWindows({
      name: 'odd',
      sizeMsMax: 10,
      windowsFor: (timestampMs) => (timestampMs === 5 ? [{ startMs: 1, endMs: 11 }] : []),
    })
    expect(() => counted(odd, [5])).toThrow(
      expect.objectContaining({
        code: 'CALLBACK_FAILED',
        place: { step: 'seen', topic: 'in', partition: 0, offset: 0 },
      }),
    )
  })
})

describe('what is stored of windows', () => {
  const day = (timeZone: string) => calendar({ unit: 'day', timeZone })
  test.each([
    ['another offset', tumbling({ sizeMs: dayMs }), tumbling({ sizeMs: dayMs, offsetMs: 1 })],
    ['another time zone', day('Europe/Berlin'), day('Europe/London')],
    ['another unit', day('UTC'), calendar({ unit: 'week', timeZone: 'UTC' })],
    ["windows of one's own instead", tumbling({ sizeMs: 7 }), pairs],
    ['another start', unlimited(), unlimited({ startMs: 1 })],
  ])('is broken by %s', (_, before, after) => {
    const [worst] = diffTopologies(appOf(before), appOf(after))
    expect(worst).toMatchObject({
      effect: 'breaks',
      what: expect.stringContaining('the windows of the store "seen" were'),
    })
    expect(diffTopologies(appOf(after), appOf(after))).toEqual([])
  })

  test('is said in the description', () => {
    expect(describeAsText(appOf(day('Europe/Berlin')))).toContain('(window, days in Europe/Berlin,')
    expect(describeAsText(appOf(tumbling({ sizeMs: 10, offsetMs: 3 })))).toContain(
      '3 ms later than at the epoch',
    )
  })
})
