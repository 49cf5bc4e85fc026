import { expect, test } from 'vitest'
import { GapLog } from '../../src/runtime/gap-log.ts'

const gap = (from: number, reason?: string) => ({
  part: 'boiler',
  from: String(from),
  to: String(from + 9),
  records: 10,
  ...(reason !== undefined && { reason }),
})

test('says since when something is missing, and when it came', () => {
  const clock = { nowMs: 5, now: () => clock.nowMs }
  const log = new GapLog(clock)
  const repaired = log.note('sensors', gap(1))
  expect(log.all).toMatchObject([{ source: 'sensors', from: '1', sinceMs: 5, repairedMs: undefined }])
  clock.nowMs = 8
  repaired()
  clock.nowMs = 9
  repaired()
  expect(log.all).toMatchObject([{ sinceMs: 5, repairedMs: 8 }])
})

test('a source that begins anew looks for what is missing: what it has given up, or got, stays', () => {
  const log = new GapLog({ now: () => 0 })
  log.note('sensors', gap(1))
  log.note('sensors', gap(20, 'nobody has them'))
  log.note('sensors', gap(40))()
  log.note('others', gap(60))
  log.beginAnew('sensors')
  expect(log.all.map(({ from }) => from)).toEqual(['20', '40', '60'])
})

test('keeps 200, and forgets what is repaired first', () => {
  const log = new GapLog({ now: () => 0 })
  for (let from = 0; from < 200; from++) {
    const repaired = log.note('sensors', gap(from))
    if (from === 7) repaired()
  }
  log.note('sensors', gap(1_000))
  expect(log.all).toHaveLength(200)
  expect(log.all.some(({ from }) => from === '7')).toBe(false)
  log.note('sensors', gap(1_001))
  expect([log.all.length, log.all[0]?.from, log.all.at(-1)?.from]).toEqual([200, '1', '1001'])
})
