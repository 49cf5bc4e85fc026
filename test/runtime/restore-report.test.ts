import { VirtualTimeScheduler } from 'rxjs'
import { expect, test } from 'vitest'
import { createClock } from '../../src/clock.ts'
import { RestoreReport } from '../../src/runtime/restore-report.ts'
import { topology } from '../../src/stream/topology.ts'
import { instanceContext } from '../support/instance-context.ts'

test('a restore that takes long says each second how far it has come, and counts what it has read', async () => {
  let nowMs = 5_000
  const clock = { ...createClock(new VirtualTimeScheduler()), now: () => nowMs }
  const context = await instanceContext(
    topology('empty', () => {}),
    { clock },
  )
  const report = new RestoreReport(context, { task: 'in_0', store: 'counts' })
  for (const remaining of [90, 80, 70, 60, 50]) {
    nowMs += 400
    report.read(10, remaining)
  }
  expect(context.events).toEqual([
    { type: 'restoring', task: 'in_0', store: 'counts', restored: 30, remaining: 70 },
  ])
  expect(context.statistics.counters()).toMatchObject({ restored: 50 })
})
