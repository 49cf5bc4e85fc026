import { expect, test } from 'vitest'
import { Pace } from '../../../src/app/terminal/pace.ts'

test('a pace is that of the last seconds, and unknown after one look', () => {
  const pace = new Pace()
  pace.note(0, 0)
  expect(pace.perSecond).toBeUndefined()
  pace.note(100, 1_000)
  expect(pace.perSecond).toBe(100)
  for (let second = 2; second < 20; second++) pace.note(100 + second, second * 1_000)
  expect(pace.perSecond).toBe(1)
})

test('what begins anew has a pace of its own', () => {
  const pace = new Pace()
  pace.note(1_000, 0)
  pace.note(10, 1_000)
  pace.note(30, 2_000)
  expect(pace.perSecond).toBe(20)
})
