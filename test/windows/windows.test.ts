import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  firstWindowStartMs,
  hopping,
  session,
  sliding,
  type TimeWindows,
  tumbling,
} from '../../src/windows/windows.ts'

const timestamps = fc.oneof(
  fc.integer({ min: 0, max: 200 }),
  fc.integer({ min: 1_700_000_000_000, max: 1_800_000_000_000 }),
)

const anyHopping = fc
  .tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 60 }))
  .map(([a, b]) => hopping({ sizeMs: Math.max(a, b), advanceMs: Math.min(a, b) }))

/** The rule by search instead of arithmetic: windows start at each multiple of the advance. */
function naiveStarts({ sizeMs, advanceMs }: TimeWindows, timestampMs: number): number[] {
  const starts: number[] = []
  for (let startMs = timestampMs; startMs >= 0 && startMs > timestampMs - sizeMs; startMs--) {
    if (startMs % advanceMs === 0) starts.unshift(startMs)
  }
  return starts
}

function starts(windows: TimeWindows, timestampMs: number): number[] {
  const all: number[] = []
  for (let ms = firstWindowStartMs(windows, timestampMs); ms <= timestampMs; ms += windows.advanceMs)
    all.push(ms)
  return all
}

describe('window arithmetic', () => {
  test('finds the same windows as a search among all', () => {
    fc.assert(
      fc.property(anyHopping, timestamps, (windows, timestampMs) => {
        expect(starts(windows, timestampMs)).toEqual(naiveStarts(windows, timestampMs))
      }),
    )
  })

  test('puts each timestamp in exactly size / advance windows, where that is whole and there is time before it', () => {
    const whole = fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }))
    fc.assert(
      fc.property(whole, timestamps, ([advanceMs, times], timestampMs) => {
        const windows = hopping({ sizeMs: advanceMs * times, advanceMs })
        fc.pre(timestampMs >= windows.sizeMs)
        expect(starts(windows, timestampMs)).toHaveLength(times)
      }),
    )
  })

  test('puts each timestamp in exactly one tumbling window, which holds it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), timestamps, (sizeMs, timestampMs) => {
        const [startMs, ...others] = starts(tumbling({ sizeMs }), timestampMs)
        expect(others).toEqual([])
        expect(startMs).toBeLessThanOrEqual(timestampMs)
        expect(timestampMs).toBeLessThan((startMs as number) + sizeMs)
      }),
    )
  })

  test('begins no window before the epoch', () => {
    expect(starts(hopping({ sizeMs: 10, advanceMs: 3 }), 4)).toEqual([0, 3])
  })
})

describe('a definition of windows', () => {
  test.each([
    ['a size of 0', () => tumbling({ sizeMs: 0 }), 'sizeMs'],
    ['a size that is not whole', () => tumbling({ sizeMs: 1.5 }), 'sizeMs'],
    ['a negative grace', () => tumbling({ sizeMs: 1, graceMs: -1 }), 'graceMs'],
    ['an advance of 0', () => hopping({ sizeMs: 10, advanceMs: 0 }), 'advanceMs'],
    ['a difference of 0', () => sliding({ differenceMs: 0 }), 'differenceMs'],
    ['a gap of NaN', () => session({ gapMs: Number.NaN }), 'gapMs'],
  ])('refuses %s, and names the parameter', (_, define, parameter) => {
    expect(define).toThrow(expect.objectContaining({ code: 'BAD_TOPOLOGY', place: { parameter } }))
  })

  test('refuses an advance beyond the size: records would fall between windows', () => {
    expect(() => hopping({ sizeMs: 10, advanceMs: 11 })).toThrow(/fall between windows/)
  })
})
