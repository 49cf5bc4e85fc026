import { expect, test } from 'vitest'
import { TaskLoad } from '../../src/runtime/task-load.ts'

function loadAt() {
  const clock = { nowMs: 0 }
  return { clock, load: new TaskLoad(() => clock.nowMs) }
}

test('the shares are those of the last five seconds: what was before is forgotten', () => {
  const { clock, load } = loadAt()
  for (let second = 0; second <= 20; second++) {
    clock.nowMs = second * 1_000
    load.sample(clock.nowMs)
    const begunMs = load.begin()
    clock.nowMs += second < 10 ? 900 : 250
    load.end(begunMs)
  }
  clock.nowMs = 21_000
  expect(load.since(clock.nowMs)).toEqual({ busy: 0.25, heldBack: 0 })
})

test('a task that waits for who takes what it makes is held back, also while that goes on', () => {
  const { clock, load } = loadAt()
  load.sample(0)
  clock.nowMs = 1_000
  load.holdBack(true)
  clock.nowMs = 2_000
  load.holdBack(true)
  expect(load.since(4_000)).toEqual({ busy: 0, heldBack: 0.75 })
  clock.nowMs = 3_000
  load.holdBack(false)
  expect(load.since(4_000)).toEqual({ busy: 0, heldBack: 0.5 })
})

test('nothing is known before the first look', () => {
  expect(loadAt().load.since(1_000)).toEqual({ busy: 0, heldBack: 0 })
})
