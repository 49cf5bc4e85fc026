import { expect, test } from 'vitest'
import { RetentionClock } from '../../src/state/retention-clock.ts'

test('remembers from the largest time observed on, as far back as it is told', () => {
  const clock = new RetentionClock(100)
  expect(clock.horizonMs).toBe(Number.NEGATIVE_INFINITY)
  expect(clock.observe(1_000)).toBe(true)
  expect(clock.horizonMs).toBe(900)
  expect([clock.observe(1_000), clock.observe(999)]).toEqual([false, false])
  expect(clock.horizonMs).toBe(900)
})

test('tells beforehand where a time would move the horizon, and does not move it', () => {
  const clock = new RetentionClock(100)
  clock.observe(1_000)
  expect([clock.horizonAfter(1_050), clock.horizonAfter(500)]).toEqual([950, 900])
  expect(clock.horizonMs).toBe(900)
})
