import { VirtualTimeScheduler } from 'rxjs'
import { expect, test } from 'vitest'
import { createClock, newUuid, systemClock } from '../src/clock.ts'

test('a clock of virtual time does what is to be done soon without real time', () => {
  const scheduler = new VirtualTimeScheduler()
  const done: string[] = []
  const clock = createClock(scheduler)
  scheduler.schedule(() => done.push('later'), 5)
  clock.soon(() => done.push('soon'))
  expect(done).toEqual([])
  scheduler.flush()
  expect(done).toEqual(['soon', 'later'])
})

test("the system's clock does what is to be done soon before its timers", async () => {
  const done: string[] = []
  await new Promise<void>((resolve) => {
    systemClock.scheduler.schedule(() => {
      done.push('timer')
      resolve()
    }, 20)
    systemClock.soon(() => done.push('soon'))
  })
  expect(done).toEqual(['soon', 'timer'])
})

test('ids are UUIDs, and the same dice give the same ones', () => {
  const seeded = () => {
    let n = 0
    return {
      random: () => {
        n = (n * 7 + 3) % 101
        return n / 101
      },
    }
  }
  expect(newUuid(seeded())).toBe(newUuid(seeded()))
  expect(newUuid(systemClock)).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  )
  expect(newUuid(systemClock)).not.toBe(newUuid(systemClock))
})
