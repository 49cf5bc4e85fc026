import { VirtualTimeScheduler } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { createClock } from '../../src/clock.ts'
import { CommitSchedule } from '../../src/runtime/commit-schedule.ts'

/** A task whose commits take no time; `at`: when they came. */
function scheduled(intervalMs?: number) {
  const scheduler = new VirtualTimeScheduler()
  const state = { behind: 0, isFull: false }
  const at: number[] = []
  const schedule = new CommitSchedule({
    clock: createClock(scheduler),
    intervalMs,
    behind: () => state.behind,
    isFull: () => state.isFull,
    commit: () => {
      at.push(scheduler.now())
      schedule.begin()
    },
  })
  const work = (atMs: number, { records = 1, sent = true, behind = 0, isFull = false } = {}) =>
    scheduler.schedule(() => {
      state.behind = behind
      state.isFull = isFull
      schedule.note(records, sent)
      schedule.rest()
    }, atMs)
  const run = () => {
    scheduler.flush()
    return at
  }
  return { schedule, work, run }
}

describe('a task that has caught up', () => {
  test('commits what it has sent at once', () => {
    const { work, run } = scheduled()
    work(5)
    expect(run()).toEqual([5])
  })

  test('commits again 10 ms after it has begun to, at the soonest, all that has come by then', () => {
    const { work, run } = scheduled()
    for (const atMs of [5, 6, 7, 14, 16, 60]) work(atMs)
    expect(run()).toEqual([5, 15, 25, 60])
  })

  test('commits after 100 ms what nobody has been sent anything of', () => {
    const { work, run } = scheduled()
    work(5, { sent: false })
    work(50, { sent: false })
    expect(run()).toEqual([105])
  })

  test('commits sooner when something has been sent after all', () => {
    const { work, run } = scheduled()
    work(5, { sent: false })
    work(50)
    expect(run()).toEqual([50])
  })
})

describe('a task that is behind', () => {
  test('commits after 100 ms where it catches up within a second', () => {
    const { work, run } = scheduled()
    work(0, { records: 1_000, behind: 9_000 })
    expect(run()).toEqual([100])
  })

  test('commits after a second where it does not', () => {
    const { work, run } = scheduled()
    for (let atMs = 0; atMs < 1_000; atMs += 100) work(atMs, { records: 1_000, behind: 90_000 })
    expect(run()).toEqual([1_000])
  })

  test('commits at once when it has caught up', () => {
    const { work, run } = scheduled()
    work(0, { records: 1_000, behind: 90_000 })
    work(310, { records: 90_000 })
    expect(run()).toEqual([310])
  })

  test('keeps no more than half a million records uncommitted', () => {
    const { work, run } = scheduled()
    work(0, { records: 300_000, behind: 90_000_000 })
    work(10, { records: 300_000, behind: 90_000_000 })
    expect(run()).toEqual([10])
  })
})

test('an interval that was asked for is kept, whatever there is to do', () => {
  const { work, run } = scheduled(40)
  work(0)
  work(90, { behind: 1_000_000 })
  work(100, { records: 1_000_000 })
  expect(run()).toEqual([40, 130])
})

test('nothing is committed that was given up', () => {
  const { schedule, run } = scheduled()
  schedule.note(1, false)
  schedule.cancel()
  expect(run()).toEqual([])
})

test('a clock that is set back keeps nobody waiting', () => {
  const scheduler = new VirtualTimeScheduler()
  const at: number[] = []
  let nowMs = 1_000_000
  const schedule = new CommitSchedule({
    clock: { ...createClock(scheduler), now: () => nowMs },
    behind: () => 0,
    isFull: () => false,
    commit: () => {
      at.push(scheduler.now())
      schedule.begin()
    },
  })
  const send = () => {
    schedule.note(1, true)
    schedule.rest()
  }
  send()
  scheduler.schedule(() => {
    nowMs = 5_000
    send()
  }, 2)
  scheduler.flush()
  expect(at).toEqual([0, 12])
})

test.each([undefined, 5_000])(
  'memory that is full is committed at once, with an interval of %s',
  (intervalMs) => {
    const { work, run } = scheduled(intervalMs)
    work(0, { behind: 90_000_000 })
    work(30, { behind: 90_000_000, isFull: true })
    expect(run()).toEqual([30])
  },
)
