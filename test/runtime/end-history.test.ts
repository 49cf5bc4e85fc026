import { expect, test } from 'vitest'
import { EndHistory } from '../../src/runtime/end-history.ts'

test('tells when a record came, between two looks at a steady pace', () => {
  const history = new EndHistory()
  history.note(100, 0)
  history.note(300, 2_000)
  expect(history.cameMs(100)).toBe(0)
  expect(history.cameMs(200)).toBe(1_000)
})

test('after a silence, what comes is as old as it is, and not as the silence', () => {
  const history = new EndHistory()
  for (const atMs of [0, 2_000, 4_000, 60_000]) history.note(100, atMs)
  history.note(200, 62_000)
  expect(history.cameMs(100)).toBe(60_000)
})

test('what was there before the first look is as old as that, at least; what no look has found is newer than the last', () => {
  const history = new EndHistory()
  expect(history.cameMs(5)).toBeUndefined()
  history.note(100, 1_000)
  history.note(200, 3_000)
  expect([history.cameMs(5), history.cameMs(200), history.cameMs(500)]).toEqual([1_000, 3_000, 3_000])
})

test('a topic that was made anew is another one', () => {
  const history = new EndHistory()
  history.note(100, 1_000)
  history.note(3, 3_000)
  expect(history.cameMs(2)).toBe(3_000)
})

test('remembers days: the longer ago, the coarser, and since when it looks', () => {
  const history = new EndHistory()
  const looks = 100_000
  for (let i = 1; i <= looks; i++) history.note(i * 50, i * 2_000)
  expect(history.cameMs(10)).toBe(2_000)
  for (const ago of [10, 1_000, 50_000]) {
    const cameMs = (looks - ago) * 2_000
    const found = history.cameMs((looks - ago) * 50) ?? 0
    expect(Math.abs(found - cameMs)).toBeLessThan(2_000 + (ago * 2_000) / 100)
  }
})
