import { describe, expect, test } from 'vitest'
import { within } from '../../src/windows/join-window.ts'

describe('the window of a join', () => {
  test('is as wide either way, unless one side is said by itself', () => {
    expect(within({ ms: 10 })).toEqual({ kind: 'join', beforeMs: 10, afterMs: 10, graceMs: 0 })
    expect(within({ ms: 10, afterMs: 0, graceMs: 5 })).toEqual({
      kind: 'join',
      beforeMs: 10,
      afterMs: 0,
      graceMs: 5,
    })
    expect(within({ beforeMs: 1, afterMs: 2 })).toMatchObject({ beforeMs: 1, afterMs: 2 })
  })

  test('may lie wholly before or behind the record, as long as it does not end before it begins', () => {
    expect(within({ beforeMs: -5, afterMs: 10 })).toMatchObject({ beforeMs: -5, afterMs: 10 })
    expect(within({ beforeMs: 10, afterMs: -10 })).toMatchObject({ beforeMs: 10, afterMs: -10 })
    expect(() => within({ beforeMs: 9, afterMs: -10 })).toThrow('the window would end before it begins')
  })

  test('refuses what is no whole number of milliseconds', () => {
    expect(() => within({ ms: 0.5 })).toThrow('beforeMs must be a whole number, not 0.5')
    expect(() => within({ beforeMs: 1, afterMs: Number.NaN })).toThrow(
      'afterMs must be a whole number, not NaN',
    )
    expect(() => within({ ms: 1, graceMs: -1 })).toThrow(
      'graceMs must be a whole number of at least 0, not -1',
    )
  })
})
