import { VirtualTimeScheduler } from 'rxjs'
import { expect, test } from 'vitest'
import { ExchangeTime } from '../../../../pipelines/market/coinbase/exchange-time.ts'
import { createClock } from '../../../../src/clock.ts'

const hourMs = 3_600_000

test('takes trades of up to an hour after the later of the two clocks, ours and what the exchange said last', () => {
  const time = new ExchangeTime(createClock(new VirtualTimeScheduler()))
  expect(time.latestMs).toBe(hourMs)
  time.heard(-5)
  expect(time.latestMs).toBe(hourMs)
  time.heard(1_000)
  expect(time.latestMs).toBe(1_000 + hourMs)
  time.heard(9e12) // false
  time.heard(2_000)
  expect(time.latestMs).toBe(2_000 + hourMs)
  time.heard(Number.NaN)
  expect(time.latestMs).toBe(hourMs)
})
