import { expect, test } from 'vitest'
import { LateLog } from '../../src/runtime/late-log.ts'

test('counts late records by step and window, of the newest 50 windows', () => {
  const log = new LateLog()
  for (let window = 0; window < 60; window++)
    log.note('counted', { startMs: window * 10, endMs: window * 10 + 10 })
  log.note('counted', { startMs: 590, endMs: 600 })
  log.note('joined', { startMs: 0, endMs: 5 })
  const all = [...log.all()]
  expect(all).toHaveLength(51)
  expect(all.find(({ startMs }) => startMs === 590)).toEqual({
    step: 'counted',
    startMs: 590,
    endMs: 600,
    records: 2,
  })
  expect(Math.min(...all.filter(({ step }) => step === 'counted').map(({ startMs }) => startMs))).toBe(100)
})
