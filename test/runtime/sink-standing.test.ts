import { expect, test } from 'vitest'
import { SinkStanding } from '../../src/runtime/sink-standing.ts'

function standingAt() {
  const clock = { nowMs: 1_000, now: () => clock.nowMs }
  return { clock, standing: new SinkStanding(clock) }
}

test('is opening, idle and writing, since when it is so', () => {
  const { clock, standing } = standingAt()
  expect([standing.state, standing.sinceMs]).toEqual(['opening', 1_000])
  clock.nowMs = 2_000
  standing.opened()
  expect([standing.state, standing.sinceMs]).toEqual(['idle', 2_000])
  clock.nowMs = 3_000
  const first = standing.begin(10)
  clock.nowMs = 4_000
  const second = standing.begin(5)
  expect([standing.state, standing.sinceMs]).toEqual(['writing', 3_000])
  clock.nowMs = 5_000
  standing.end(first)
  expect([standing.state, standing.sinceMs]).toEqual(['writing', 4_000])
  standing.end(second)
  expect([standing.state, standing.sinceMs, standing.rows, standing.lastWriteMs]).toEqual([
    'idle',
    5_000,
    15,
    5_000,
  ])
})

test('retries since the first try that failed, until one succeeds', () => {
  const { clock, standing } = standingAt()
  standing.opened()
  standing.tried('it is away')
  clock.nowMs = 9_000
  standing.tried('it is full')
  expect([standing.state, standing.sinceMs, standing.problem]).toEqual(['retrying', 1_000, 'it is full'])
  standing.tried(undefined)
  expect([standing.state, standing.problem, standing.retries]).toEqual(['idle', undefined, 2])
})

test('a write that is given up counts for nothing', () => {
  const { standing } = standingAt()
  standing.opened()
  standing.giveUp(standing.begin(10))
  expect([standing.state, standing.rows, standing.writes]).toEqual(['idle', 0, 0])
})
